"use strict";
(() => {
  const all = (selector) => Array.from(document.querySelectorAll(selector));
  const parts = () => all("main details");

  const setOpen = (open) => parts().forEach((part) => { part.open = open; });
  all("[data-open]").forEach((button) => {
    button.addEventListener("click", () => setOpen(button.dataset.open === "yes"));
  });

  let opened = [];
  window.addEventListener("beforeprint", () => {
    opened = opened.concat(parts().filter((part) => !part.open)); // told twice by some
    opened.forEach((part) => { part.open = true; });
  });
  window.addEventListener("afterprint", () => {
    opened.forEach((part) => { part.open = false; });
    opened = [];
  });

  const reveal = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (let part = target; part; part = part.parentElement) {
      if (part.tagName === "DETAILS") { part.open = true; }
    }
    if (target) { target.scrollIntoView(); }
  };
  window.addEventListener("hashchange", reveal);
  if (location.hash) { reveal(); }

  all(".legend button").forEach((button) => {
    button.addEventListener("click", () => {
      const style = button.dataset.style;
      const chosen = document.body.dataset.only === style ? "" : style;
      document.body.dataset.only = chosen;
      all(".legend button").forEach((other) => {
        other.setAttribute("aria-pressed", String(other.dataset.style === chosen));
      });
    });
  });

  const save = (text, type, name) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };

  all("[data-download]").forEach((button) => {
    button.addEventListener("click", () => {
      save(document.getElementById("record").textContent, "application/json", "report.json");
    });
  });

  // A row's name is the first code in its head; a number has all its digits in its title, and a
  // name that is cut all its letters. The title of a column's head is its meaning.
  const told = (cell) => {
    const name = cell.tagName === "TH" && cell.scope === "row" && cell.querySelector("code");
    return (name || cell).textContent.trim() || "";
  };
  const digits = (cell) => (cell.scope !== "col" && cell.title) || told(cell);
  const quoted = (text) => {
    const number = text === "-inf" || (text !== "" && Number.isFinite(Number(text)));
    const safe = !number && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text; // no formula
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  const csv = (table) => Array.from(table.rows)
    .map((row) => Array.from(row.cells).map((cell) => quoted(digits(cell))).join(","))
    .join("\r\n") + "\r\n";
  all("[data-csv]").forEach((button) => {
    const table = button.parentElement.nextElementSibling.querySelector("table");
    button.addEventListener("click", () => save(csv(table), "text/csv", button.dataset.csv));
  });

  all(".heat-box").forEach((box) => {
    const chart = box.querySelector("svg.heat");
    const output = box.querySelector("output");
    const cursor = chart.querySelector(".cursor");
    const rows = chart.dataset.cells.split(";").map((row) => row.split("|"));
    const places = chart.dataset.places.split("|");
    const names = Array.from(chart.querySelectorAll(".heat-name title"), (name) => name.textContent);
    const [left, top, step, height] = ["left", "top", "step", "height"]
      .map((key) => Number(chart.dataset[key]));
    let [row, column] = [0, -1];
    const tell = (i, j) => {
      if (!(i in rows && j in places)) { return; }
      [row, column] = [i, j];
      output.textContent = `${names[i]}, ${places[j]}: ${rows[i][j]}`;
      const at = { x: left + j * step, y: top + i * height, width: step, height };
      Object.entries(at).forEach(([key, value]) => cursor.setAttribute(key, value));
    };
    const point = (event) => {
      const seen = chart.getBoundingClientRect();
      const unit = chart.viewBox.baseVal.width / seen.width;
      tell(Math.floor(((event.clientY - seen.top) * unit - top) / height),
        Math.floor(((event.clientX - seen.left) * unit - left) / step));
    };
    ["pointermove", "pointerdown"].forEach((kind) => chart.addEventListener(kind, point)); // a tap
    const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
    box.addEventListener("keydown", (event) => {
      const move = moves[event.key];
      if (!move) { return; }
      event.preventDefault();
      tell(row + (column < 0 ? 0 : move[0]), column < 0 ? 0 : column + move[1]);
    });
  });
})();
