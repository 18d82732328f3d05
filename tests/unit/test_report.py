#!/usr/bin/env python3
"""Shows the league's page in a real browser and looks at what comes of it, a TAP line each.

Usage: test_report.py TEST-LEAGUE [PICTURE]

TEST-LEAGUE --write FILE writes the page of a made-up league, with names that attack it. PICTURE: a
file name's beginning, for pictures of the page in light and dark.
"""
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
from browser import Browser

ATTACK = "</script><script>document.title='owned'</script>"
# What must be so in the page: a sentence, an expression, its value.
SIGHTS = [
    ("it was drawn", "document.documentElement.dataset.state", "ready"),
    ("its title is its own", "document.title", "vmbalancer: league of policies"),
    ("each world has its section", "document.querySelectorAll('section[id^=scenario-]').length", 2),
    ("each world has locality over time", "document.querySelectorAll('svg.locality').length", 2),
    ("a curve for each policy, none of them empty",
     "[...document.querySelectorAll('svg.locality .curve')].filter(c => c.getTotalLength() > 400).length", 8),
    ("each world has its bytes moved", "document.querySelectorAll('svg.bytes').length", 2),
    ("a bar for each policy but hand", "document.querySelectorAll('svg.bytes rect').length", 6),
    ("bars are as long as bytes are many",
     "(() => { const w = [...document.querySelector('svg.bytes').querySelectorAll('rect')]"
     ".map(r => r.width.baseVal.value); return w[1] > 3 * w[0] && w[2] < 2; })()", True),
    ("each world has guests by node", "document.querySelectorAll('svg.heat').length", 2),
    ("a cell for each guest and node, before and after",
     "document.querySelector('svg.heat').querySelectorAll('rect').length", 12 * 4 * 2),
    ("each plot has a title and a description",
     "[...document.querySelectorAll('svg[role=img]')].filter(s => s.querySelector('title').textContent"
     " && s.querySelector('desc').textContent).length", 6),
    ("each curve and each heat map has its table",
     "document.querySelectorAll('figure details table').length", 4),
    ("the scores are there", "document.querySelectorAll('table.scores tbody tr').length", 8),
    ("the best is first, and hand the measure, last",
     "[...document.querySelector('table.scores').querySelectorAll('tbody th')].map(t => t.textContent).join()",
     "balance,moron,none,hand"),
    ("numbers are written for people",
     "[...document.querySelector('table.scores tbody tr').cells].slice(5, 7).map(c => c.textContent).join()",
     "24.0 GiB,22"),
    ("a name is text: no element came of it",
     "document.querySelectorAll('img, iframe, object, embed, link, body script:not([type]) ~ script').length", 0),
    ("a name is shown as it is",
     f"document.querySelector('#title-0').textContent.startsWith({ATTACK!r})", True),
    ("what would turn text round is shown as an escape",
     "document.querySelector('#title-0').textContent.includes('\\\\u{202e}')"
     " && !document.body.innerText.includes('\\u202e')", True),
    ("nothing is wider than the page", "document.documentElement.scrollWidth <= innerWidth", True),
]
# What a reader does to the page, and what must come of it.
DEEDS = [
    ("a policy can be hidden",
     "(() => { const b = [...document.querySelectorAll('.legend button')].find(b => b.textContent === 'moron');"
     " b.click(); return [b.ariaPressed, document.querySelectorAll('svg.locality')[0]"
     ".querySelectorAll('.curve[visibility=hidden]').length].join(); })()", "false,1"),
    ("the heat map shows another policy",
     "(() => { const s = document.querySelector('figure select'), t = () => document.querySelector('svg.heat title')"
     ".textContent; const was = t(); s.selectedIndex = 2; s.dispatchEvent(new Event('change'));"
     " return was.includes('balance') && t().includes('none'); })()", True),
    ("pointing at a moment tells its numbers",
     "(() => { const s = document.querySelector('svg.locality'), r = s.getBoundingClientRect();"
     " s.dispatchEvent(new PointerEvent('pointermove', {clientX: r.left + r.width / 2, clientY: r.top + 50}));"
     " return document.querySelector('.tip').innerText.includes('balance'); })()", True),
]


class Results:
    """TAP lines, counted."""

    def __init__(self):
        self.count, self.failed = 0, 0

    def check(self, name, got, expected):
        """One line."""
        self.count += 1
        good = got == expected
        self.failed += not good
        print(f"{'ok' if good else 'not ok'} {self.count} - {name}")
        if not good:
            print(f"# expected {expected!r}, got {got!r}")


def examine(browser, page, results, picture):
    """Everything about one page."""
    address = page.as_uri()
    browser.look(1200)
    browser.open(address)
    for name, expression, expected in SIGHTS:
        results.check(name, browser.ask(expression), expected)
    light = browser.ask("getComputedStyle(document.body).backgroundColor")
    if picture:
        browser.picture(f"{picture}-light.png")
    browser.look(1200, dark=True)
    dark = browser.ask("getComputedStyle(document.body).backgroundColor")
    results.check("it is dark where the reader wants it dark", light != dark, True)
    if picture:
        browser.picture(f"{picture}-dark.png")
    browser.look(380)
    results.check("it fits a telephone",
                  browser.ask("document.documentElement.scrollWidth <= innerWidth"), True)
    for name, expression, expected in DEEDS:
        results.check(name, browser.ask(expression), expected)
    results.check("it asked for nothing but itself", browser.asked_for(), [address])
    results.check("nothing was thrown, refused or said", browser.complaints(), [])


def spoil(page, old, new):
    """Another page, in which something is wrong."""
    text = page.read_text(encoding="utf-8")
    assert old in text, old
    spoiled = page.with_name("spoiled.html")
    spoiled.write_text(text.replace(old, new), encoding="utf-8")
    return spoiled


def doubt(browser, page, results):
    """What this test says of pages that are wrong: it must see it."""
    browser.open(spoil(page, '"use strict";', '"use strict"; fetch("http://127.0.0.1:9/x");').as_uri())
    results.check("a script that was changed does not run",
                  (browser.ask("document.documentElement.dataset.state"),
                   any("Content Security Policy" in text for text in browser.complaints())),
                  (None, True))
    browser.open(spoil(page, '"local":', '"lokal":').as_uri())
    results.check("data that cannot be drawn is told",
                  (browser.ask("document.documentElement.dataset.state"), bool(browser.complaints())),
                  ("failed", True))


def main(arguments):
    if len(arguments) not in (1, 2):
        sys.exit(__doc__)
    program = shutil.which("chromium")
    if not program:
        print("1..1\nnot ok 1 - chromium is missing: apt-get install chromium")
        return 1
    results = Results()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        page = Path(folder) / "league.html"
        subprocess.run([arguments[0], "--write", str(page)], check=True)
        browser = Browser(program, Path(folder) / "profile")
        try:
            examine(browser, page, results, arguments[1] if len(arguments) > 1 else None)
            doubt(browser, page, results)
        finally:
            browser.close()
    print(f"1..{results.count}")
    return results.failed > 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
