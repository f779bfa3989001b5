"""Headless Chromium for the report page: the tests look at it, `make pictures` takes its pictures.

python -m tests.report.chromium PAGE.html PICTURE.png WIDTH HEIGHT
"""

import base64
import shutil
import sys
import tempfile
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.remote.webelement import WebElement

# Without the last line, Chromium looks its maker's hosts up at every start.
_WORDS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
    "--hide-scrollbars", "--no-first-run", "--disable-quic",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


def start(profile: Path) -> webdriver.Chrome:
    """Start Chromium in an empty profile, its console and its requests logged."""
    options = webdriver.ChromeOptions()
    options.binary_location = str(shutil.which("chromium"))
    for word in (*_WORDS, f"--user-data-dir={profile}"):
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))


def resize(browser: webdriver.Chrome, width: int, height: int) -> None:
    """Give the window this size; what it shows stays."""
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
    )


def show(browser: webdriver.Chrome, page: Path, width: int, height: int) -> None:
    """Open a file in a window of this size, with empty logs."""
    resize(browser, width, height)
    browser.get_log("browser")
    browser.get_log("performance")
    browser.get(page.resolve().as_uri())


def click(element: WebElement) -> None:
    """Bring an element to the middle of the window, and click at its middle."""
    browser = element.parent
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
    ActionChains(browser, duration=0).move_to_element(element).click().perform()


def main(page: str, picture: str, width: str, height: str) -> None:
    """Take one picture."""
    with tempfile.TemporaryDirectory() as folder:
        browser = start(Path(folder))
        show(browser, Path(page), int(width), int(height))
        taken = browser.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})
        browser.quit()
    Path(picture).write_bytes(base64.b64decode(taken["data"]))


if __name__ == "__main__":
    main(*sys.argv[1:])
