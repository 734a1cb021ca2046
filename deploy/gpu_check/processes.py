"""Other programs, each in a session of its own, so that it ends with all that it has started."""
import os
import signal
import subprocess
import threading


class Failed(Exception):
    """A stage's answer is no."""


class Skipped(Exception):
    """A stage has no answer, for a reason."""


class Process:
    """Its lines on standard output, one after the other, until it ends or its time is over."""

    def __init__(self, words, environment, seconds, folder=None):
        self.words, self.seconds = [str(word) for word in words], seconds
        self.timed_out = False
        self.process = subprocess.Popen(
            self.words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            stdin=subprocess.DEVNULL, env={**os.environ, **environment}, cwd=folder,
            start_new_session=True)
        self.errors = []
        self.reader = threading.Thread(target=self.read_errors, daemon=True)
        self.reader.start()
        self.timer = threading.Timer(max(seconds, 0.1), self.end)
        self.timer.daemon = True
        self.timer.start()

    def read_errors(self):
        for line in self.process.stderr:
            if line.strip():
                self.errors = self.errors[-9:] + [line.strip()]

    def end(self):
        self.timed_out = True
        self.kill()

    def kill(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def lines(self):
        yield from self.process.stdout

    def finish(self):
        """Raises Failed for any end but a good one."""
        for _ in self.process.stdout:
            pass
        code = self.process.wait()
        self.timer.cancel()
        self.reader.join(1)
        if self.timed_out:
            raise Failed(f"{self.name()} took longer than the {self.seconds:.0f} s it had: "
                         + " | ".join(self.errors))
        if code != 0:
            raise Failed(f"{self.name()} ended with exit code {code}: " + " | ".join(self.errors))

    def name(self):
        return " ".join([os.path.basename(self.words[0])] + self.words[1:3])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.timer.cancel()
        self.kill()
        self.process.wait()
        self.process.stdout.close()


def output_of(words, environment=None, seconds=20.0, folder=None):
    with Process(words, environment or {}, seconds, folder) as process:
        text = "".join(process.lines())
        process.finish()
        return text

