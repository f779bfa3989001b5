"""Do spectra and slices look as their numbers are?"""

from xml.etree import ElementTree

from relu_jax.report import geometry
from tests.report import trained


def test_a_spectrum_is_its_lines_and_its_numbers():
    (shown,) = geometry.spectra({"spectra": [trained.spectrum()]})
    root = ElementTree.fromstring(shown.panel.picture)
    drawn = [e.get("class") for e in root.iter("g") if "series" in e.get("class", "")]
    assert drawn == ["series s6", "series s6", "series s0", "series s1"]
    facts = {name: (told, digits) for name, told, digits in shown.facts}
    assert facts["examples"] == ("32", "")
    assert facts["effective rank"] == ("123.5", "123.456789")
    assert shown.panel.note == "orange: theory"
    assert root.get("aria-label").endswith("median, smallest and largest, and theory")


def test_without_theory_there_is_no_line_of_it():
    one = {key: value for key, value in trained.spectrum().items() if key != "expected"}
    (shown,) = geometry.spectra({"spectra": [one]})
    assert "series s1" not in shown.panel.picture
    assert shown.panel.note == ""


def test_the_largest_alone_are_told_as_such():
    (shown,) = geometry.spectra({"spectra": [trained.spectrum() | {"whole": False}]})
    assert shown.panel.note == "the largest alone; orange: theory"


def test_cells_are_polygons_of_the_colour_of_their_strongest_output():
    (shown,) = geometry.slices({"slices": [trained.slice_of()]})
    root = ElementTree.fromstring(shown.panel.picture)
    paths = {e.get("class"): e.find("path").get("d") for e in root.iter("g")}
    assert paths == {
        "series s0": "M0 480L240 480L240 0L0 0Z",
        "series s2": "M240 480L480 480L480 240L240 240ZM240 240L480 240L480 0L240 0Z",
    }
    assert shown.panel.note == "3 cells"
    numbers = [(e.text, e.get("x"), e.get("y")) for e in root.iter("text")]
    assert numbers == [("0", "120", "244"), ("2", "360", "364")]  # each in its largest cell


def test_broken_and_bare_ones_are_drawn():
    assert len(geometry.spectra(trained.broken())) == 2
    assert len(geometry.slices(trained.broken())) == 1
    assert geometry.spectra({}) == geometry.slices({}) == ()
