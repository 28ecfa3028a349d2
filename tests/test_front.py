"""The front page's picture, in a real browser: it turns when asked, and a still one stands in."""

from __future__ import annotations

import pytest
from built_book import HTML, book, browser, new_page  # noqa: F401 fixtures
from test_pages_html import CHAPTERS

FRONT = (HTML / CHAPTERS[0]).as_uri()
SHOWN = "document.querySelector('#fig-orbits canvas').toDataURL()"


@pytest.fixture
def front(browser):  # noqa: F811 the fixture
    """The front page as a reader sees it who asked for little motion."""
    page = new_page(browser, viewport={"width": 360, "height": 900}, reduced_motion="reduce")
    page.goto(FRONT, wait_until="load")
    page.wait_for_selector("#fig-orbits canvas")
    page.locator("#fig-orbits canvas").scroll_into_view_if_needed()
    yield page
    page.close()


def changes(page, milliseconds: int = 0) -> bool:
    """Whether the picture is another one after a while."""
    before = page.evaluate(SHOWN)
    page.wait_for_timeout(milliseconds)
    return page.evaluate(SHOWN) != before


def test_it_rests_until_it_is_asked_to_play(front):
    assert not changes(front, 400)
    button = front.locator("#fig-orbits button")
    assert button.inner_text() == "Play"
    button.click()
    assert button.inner_text() == "Pause"
    assert changes(front, 600)
    button.click()
    front.wait_for_timeout(200)
    assert not changes(front, 400)


@pytest.mark.parametrize("key", ["ArrowLeft", "ArrowUp"])
def test_arrow_keys_turn_it(front, key):
    before = front.evaluate(SHOWN)
    front.locator("#fig-orbits canvas").press(key)
    assert front.evaluate(SHOWN) != before


def test_it_is_drawn_before_the_theme_has_named_its_mode(front):
    errors = []
    front.on("pageerror", lambda error: errors.append(str(error)))
    front.evaluate("document.documentElement.dataset.theme = ''")
    front.locator("#fig-orbits canvas").press("ArrowLeft")
    front.wait_for_timeout(100)
    assert errors == []


def test_a_pointer_turns_it_only_while_it_is_held(front):
    box = front.locator("#fig-orbits canvas").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    before = front.evaluate(SHOWN)
    front.mouse.move(x, y)
    front.mouse.move(x + 30, y)
    assert front.evaluate(SHOWN) == before
    front.mouse.down()
    front.mouse.move(x + 60, y)
    front.mouse.up()
    turned = front.evaluate(SHOWN)
    assert turned != before
    front.mouse.move(x, y)
    assert front.evaluate(SHOWN) == turned


def test_it_plays_by_itself_for_others(browser):  # noqa: F811 the fixture
    page = new_page(browser, viewport={"width": 1200, "height": 1000})
    page.goto(FRONT, wait_until="load")
    assert changes(page, 600)
    page.close()


def test_the_still_picture_stands_in_on_paper_and_without_scripts(browser, front):  # noqa: F811 the fixture
    still, turning = front.locator("#fig-orbits img"), front.locator("#fig-orbits canvas")
    assert turning.is_visible()
    assert not still.is_visible()
    front.emulate_media(media="print")
    assert still.is_visible()
    assert not turning.is_visible()
    page = new_page(browser, java_script_enabled=False)
    page.goto(FRONT, wait_until="load")
    assert page.locator("#fig-orbits img").is_visible()
    page.close()
