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
    opened = parts().filter((part) => !part.open);
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

  all("[data-download]").forEach((button) => {
    button.addEventListener("click", () => {
      const text = document.getElementById("record").textContent;
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
      link.download = "report.json";
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    });
  });
})();
