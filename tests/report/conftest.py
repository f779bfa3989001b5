"""One browser for all tests of a worker."""

from collections.abc import Iterator

import pytest
from selenium import webdriver

from tests.report import chromium


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    driver = chromium.start(tmp_path_factory.mktemp("profile"))
    yield driver
    driver.quit()
