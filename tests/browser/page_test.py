#!/usr/bin/python3
"""Does the page of `glassnic decode --ladder OUT.html' work in a browser?
page_test.py [BUILD]

Chromium, without a window, opens the page from its file; a script at its end
plays the reader: it points, clicks, filters, and writes down what it sees.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

PCAP = "pcaps/rdma_cm.pcap"  # two connections, both ways
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

READER = """
<script>
const seen = {errors: []};
addEventListener("securitypolicyviolation", (e) => seen.errors.push(e.blockedURI));
const rows = [...document.querySelectorAll(".row")];
const shown = () => rows.filter((r) => r.style.display !== "none");
const places = () => shown().map((r) => +r.getAttribute("transform").match(/,([0-9]+)/)[1]);
const fields = () => document.getElementById("fields").textContent;
const change = (id, set) => {
	const input = typeof id === "string" ? document.getElementById(id) : id;
	set(input);
	input.dispatchEvent(new Event("input"));
};
const key = (key) => document.dispatchEvent(new KeyboardEvent("keydown", {key}));

seen.all = shown().length;
rows[0].dispatchEvent(new Event("mouseenter"));
seen.pointed = fields();
rows[3].dispatchEvent(new Event("click"));
rows[5].dispatchEvent(new Event("mouseenter"));
seen.pinned = fields();
key("ArrowDown");
seen.next = fields();
key("Escape");
change("connection", (s) => { s.selectedIndex = 2; });
seen.of_one = shown().map((r) => r.dataset.connection);
seen.places = places();
change("connection", (s) => { s.selectedIndex = 0; });
change(document.querySelector("[data-show=ack]"), (box) => { box.checked = false; });
seen.kinds = [...new Set(shown().map((r) => r.dataset.kind))];
change(document.querySelector("[data-show=ack]"), (box) => { box.checked = true; });
change("find", (f) => { f.value = "UD_SEND_ONLY"; });
seen.found = shown().map((r) => r.querySelector(".t").textContent);
seen.said = document.getElementById("shown").textContent;
change("find", (f) => { f.value = ""; });
seen.again = shown().length;
const chosen = () => rows.indexOf(document.querySelector(".row.chosen"));
const between = () => {
	const row = rows[chosen()].getBoundingClientRect();
	return row.top >= document.querySelector("header").offsetHeight &&
		row.bottom <= document.querySelector("aside").getBoundingClientRect().top;
};
const bottom = (what) => Math.round(document.querySelector(what).getBoundingClientRect().bottom);
seen.ends = [bottom("svg .page"), bottom("svg.ladder")];

/* As a reader who comes later. */
function read_on() {
	scrollTo(0, 0);
	for (let i = 0; i < 40; i++)
		key("ArrowDown");
	seen.down = [chosen(), between()];
	for (let i = 0; i < 30; i++)
		key("ArrowUp");
	seen.up = [chosen(), between()];
	const at = chosen(), kind = rows[at].dataset.kind;
	change(document.querySelector(`[data-show=${kind}]`), (box) => { box.checked = false; });
	key("ArrowDown");
	seen.past_hidden = [chosen(), rows.findIndex((r, i) => i > at && r.dataset.kind !== kind)];
	key("Escape");
	key("/");
	seen.focus = document.activeElement.id;
}

fetch("file:///etc/hostname").then(() => seen.errors.push("it could fetch"),
	() => {}).then(() => new Promise((done) => setTimeout(done, 500))).then(read_on).finally(() => {
	const out = document.createElement("pre");
	out.id = "seen";
	out.textContent = JSON.stringify(seen);
	document.body.append(out);
});
</script>
</body>"""


class Score:
    def __init__(self):
        self.passed = self.failed = 0

    def check(self, name, true):
        self.passed += bool(true)
        self.failed += not true
        print(f"{'ok  ' if true else 'FAIL'} {name}")


def browse(page, folder):
    """What the reader saw."""
    done = subprocess.run(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu",
         f"--user-data-dir={folder}/profile", "--virtual-time-budget=5000",
         "--dump-dom", f"file://{page}"],
        capture_output=True, text=True, timeout=120)
    found = re.search(r'<pre id="seen">(.*?)</pre>', done.stdout, re.S)
    if not found:
        print(done.stderr[-2000:])
        return None
    return json.loads(found[1].replace("&amp;", "&").replace("&lt;", "<")
                      .replace("&gt;", ">"))


def judge(score, seen, packets):
    score.check("every packet is shown",
                seen["all"] == len(packets) == seen["again"])
    score.check("pointing shows the fields",
                f"psn{packets[0]['psn']}" in seen["pointed"])
    score.check("a click keeps them", seen["pinned"].startswith(
        f"frame{packets[3]['frame']}time"))
    score.check("an arrow key goes on", seen["next"].startswith(
        f"frame{packets[4]['frame']}time"))
    score.check("one connection", len(set(seen["of_one"])) == 1 and
                0 < len(seen["of_one"]) < seen["all"])
    gaps = {b - a for a, b in zip(seen["places"], seen["places"][1:])}
    score.check("its packets move together", gaps == {30, 56})
    score.check("kinds can be hidden", seen["kinds"] == ["data"])
    score.check("words are found", seen["found"] and all(
        "SEND_ONLY, 256 bytes" == t for t in seen["found"]))
    score.check("how many are shown is said",
                seen["said"] == f"{len(seen['found'])} of {seen['all']} "
                "packets")
    score.check("the picture has its colour to its end",
                seen["ends"][0] >= seen["ends"][1] - 1)
    score.check("arrow keys go down, and what is chosen is in sight",
                seen["down"] == [39, True])
    score.check("and up", seen["up"] == [9, True])
    score.check("and past what is hidden",
                seen["past_hidden"][0] == seen["past_hidden"][1] > 0)
    score.check("/ finds", seen["focus"] == "find")
    score.check("nothing was loaded", all(
        e.startswith("file") for e in seen["errors"]))


def main():
    glassnic = os.path.join(sys.argv[1] if len(sys.argv) > 1 else "build",
                            "glassnic")
    if not CHROMIUM:
        print("chromium not found (Debian: chromium)", file=sys.stderr)
        sys.exit(77)
    score = Score()
    lines = subprocess.run([glassnic, "decode", "--json", PCAP], check=True,
                           capture_output=True, text=True).stdout
    with tempfile.TemporaryDirectory() as folder:
        page = os.path.join(folder, "page.html")
        subprocess.run([glassnic, "decode", PCAP, "--ladder", page],
                       check=True, stderr=subprocess.DEVNULL)
        with open(page, encoding="utf-8") as f:
            text = f.read()
        with open(page, "w", encoding="utf-8") as f:
            f.write(text.replace("</body>", READER))
        seen = browse(page, folder)
    score.check("the page's script ran to its end", seen)
    if seen:
        judge(score, seen, [json.loads(p) for p in lines.splitlines()])
    print(f"{score.passed} passed, {score.failed} failed")
    sys.exit(1 if score.failed else 0)


if __name__ == "__main__":
    main()
