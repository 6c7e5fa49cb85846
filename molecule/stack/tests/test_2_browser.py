"""A person with a browser: Debian's Chromium, headless, on the board."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support import expected_conditions
from selenium.webdriver.support.wait import WebDriverWait
from site_visitor import DOMAIN, LAB, PROJECT, address

SCREENSHOTS = PROJECT / "build" / "stack"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """A browser that trusts the lab's authority and finds the board at web1, on the screen of a phone."""
    home = tmp_path_factory.mktemp("home")
    database = home / ".pki" / "nssdb"
    database.mkdir(parents=True)
    certutil = ["certutil", "-d", f"sql:{database}"]
    subprocess.run([*certutil, "-N", "--empty-password"], check=True)
    subprocess.run([*certutil, "-A", "-t", "C,,", "-n", "lab", "-i", str(LAB / "ca.pem")], check=True)
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for argument in (
        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
        "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
        f"--user-data-dir={home / 'profile'}", f"--host-resolver-rules=MAP {DOMAIN} {address('web1')}",
        "--window-size=412,915",
    ):  # fmt: skip
        options.add_argument(argument)
    service = webdriver.ChromeService("/usr/bin/chromedriver", env={"HOME": str(home), "PATH": "/usr/bin:/bin"})
    driver = webdriver.Chrome(options=options, service=service)
    driver.set_page_load_timeout(60)
    yield driver
    driver.quit()


def screenshot(browser: webdriver.Chrome, name: str) -> Path:
    """Keep what the person sees."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    path = SCREENSHOTS / f"{name}.png"
    assert browser.save_screenshot(str(path))
    return path


def test_a_person_writes_a_post_and_finds_it(browser: webdriver.Chrome) -> None:
    browser.get(f"https://{DOMAIN}/posts/new/")
    browser.find_element(By.NAME, "title").send_keys("Hello from a browser")
    browser.find_element(By.NAME, "text").send_keys("Typed by Chromium on a small screen.")
    browser.find_element(By.NAME, "text").submit()
    heading = expected_conditions.text_to_be_present_in_element((By.TAG_NAME, "main"), "Hello from a browser")
    WebDriverWait(browser, 20).until(heading)
    browser.get(f"https://{DOMAIN}/?q=small+screen")
    WebDriverWait(browser, 20).until(heading)
    assert screenshot(browser, "board-phone").stat().st_size > 5000
    width = browser.execute_script("return document.documentElement.scrollWidth - window.innerWidth")
    assert width <= 0, f"the page is {width} pixels wider than the phone"
    errors = [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert not errors, errors


def test_a_person_sees_the_way_of_a_request(browser: webdriver.Chrome) -> None:
    browser.set_window_size(1280, 900)
    browser.get(f"https://{DOMAIN}/stack")
    assert browser.find_elements(By.TAG_NAME, "svg")
    screenshot(browser, "stack-desktop")
    browser.get(f"https://{DOMAIN}/")
    screenshot(browser, "board-desktop")
