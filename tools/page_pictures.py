#!/usr/bin/python3
"""Pictures of the pages of `glassnic decode --ladder OUT.html', for docs/:
page_pictures.py BUILD

Chromium opens each page without a window, after a script at its end has played
the reader.  Without Chromium they stay as they are, which is said.
"""

import os
import shutil
import subprocess
import sys
import tempfile

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
MOST = 150000  # bytes of a picture
DARK = ["--force-dark-mode",
        "--enable-features=WebContentsForceDark:inversion_method/none"]
PLAY = """<script>
const row = (i) => document.querySelectorAll(".row")[i];
const change = (input, set) => { set(input); input.dispatchEvent(new Event("input")); };
%s
</script></body>"""

# Name, capture, width, height, what the reader does, Chromium's options.
PICTURES = [
    ("ladder-page", "pcaps/nak_psn_sequence.pcapng", 1280, 560,
     'row(3).dispatchEvent(new Event("click"));', []),
    ("ladder-page-filter", "pcaps/nak_psn_sequence.pcapng", 1280, 430,
     'change(document.getElementById("find"), (f) => { f.value = "again"; });'
     'row(5).dispatchEvent(new Event("click"));', DARK),
]


def picture(glassnic, folder, name, capture, width, height, script, options):
    page, png = f"{folder}/{name}.html", f"{folder}/{name}.png"
    subprocess.run([glassnic, "decode", capture, "--ladder", page],
                   check=True, stderr=subprocess.DEVNULL)
    with open(page, encoding="utf-8") as file:
        text = file.read()
    with open(page, "w", encoding="utf-8") as file:
        file.write(text.replace("</body>", PLAY % script))
    subprocess.run(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu",
         "--hide-scrollbars", f"--user-data-dir={folder}/profile", *options,
         f"--window-size={width},{height}", "--virtual-time-budget=2000",
         f"--screenshot={png}", f"file://{page}"],
        check=True, stderr=subprocess.DEVNULL, timeout=120)
    size = os.path.getsize(png)
    if size > MOST:
        sys.exit(f"page_pictures.py: docs/{name}.png would have {size} bytes, "
                 f"more than {MOST}: choose a smaller window")
    shutil.move(png, f"docs/{name}.png")
    print(f"docs/{name}.png: {size} bytes")


def main():
    if not CHROMIUM:
        print("page_pictures.py: chromium not found (Debian: chromium): "
              "docs/*.png STAY AS THEY ARE", file=sys.stderr)
        return
    glassnic = os.path.join(sys.argv[1] if len(sys.argv) > 1 else "build",
                            "glassnic")
    with tempfile.TemporaryDirectory() as folder:
        for what in PICTURES:
            picture(glassnic, folder, *what)


if __name__ == "__main__":
    main()
