#!/usr/bin/python3
"""one_file.py TESTS MODULE: runs one file of rdma-core's suite, which lies in
the folder TESTS, on device glass0.  Tells what happens on stdout, a JSON object
a line: {"plan": [test, ...]}, then {"start": test} and {"end": test, "verdict":
"passed" | "failed" | "skipped", "why": text} for each."""

import importlib.machinery
import json
import os
import sys
import unittest


class Teller(unittest.TestResult):
    def __init__(self, out):
        super().__init__()
        self.out = out

    def tell(self, **what):
        print(json.dumps(what), file=self.out, flush=True)

    def end(self, test, verdict, why=""):
        self.tell(end=str(test), verdict=verdict, why=why)

    def startTest(self, test):
        super().startTest(test)
        self.tell(start=str(test))

    def addSuccess(self, test):
        self.end(test, "passed")

    def addSkip(self, test, reason):
        self.end(test, "skipped", reason)

    def addFailure(self, test, err):
        self.end(test, "failed", self._exc_info_to_string(err, test))

    addError = addFailure


def flatten(suite):
    for entry in suite:
        if isinstance(entry, unittest.TestSuite):
            yield from flatten(entry)
        else:
            yield entry


def main():
    folder, module = sys.argv[1:]
    # What tests print must not mix with what we tell.
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    sys.path.insert(0, folder)
    sys.argv = ["run_tests.py", "--dev", "glass0"]
    from args_parser import parser
    tests = importlib.machinery.SourceFileLoader(
        "tests", os.path.join(folder, "__init__.py")).load_module()
    parser.parse_args()
    suite = unittest.defaultTestLoader.loadTestsFromName(module, tests)
    teller = Teller(out)
    teller.tell(plan=[str(test) for test in flatten(suite)])
    suite.run(teller)


if __name__ == "__main__":
    main()
