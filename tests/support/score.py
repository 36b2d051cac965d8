"""What a test script has found, and the line that tools/run_tests.py reads."""

import sys


class Score:
    def __init__(self):
        self.passed = self.failed = 0

    def check(self, name, wrong):
        """@wrong: what is wrong, or nothing."""
        self.passed += not wrong
        self.failed += bool(wrong)
        if wrong:
            print(f"FAIL {name}: {wrong}", flush=True)

    def finish(self):
        print(f"{self.passed} passed, {self.failed} failed")
        sys.exit(1 if self.failed else 0)
