"""STUB"""

import os


class OwnFolder:
    def __init__(self, directory):
        self.path = os.path.join(directory, ".composeports")

    def write(self, name, text):
        os.makedirs(self.path, exist_ok=True)
        for n, t in ((".gitignore", "*\n"), (name, text)):
            with open(os.path.join(self.path, n), "w") as f:
                f.write(t)

    def read(self, name):
        try:
            with open(os.path.join(self.path, name)) as f:
                return f.read()
        except OSError:
            return None

    def remove(self):
        import shutil

        shutil.rmtree(self.path, ignore_errors=True)
