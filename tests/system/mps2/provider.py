"""A real provider with its broker, in a directory of its own, worked with the `waft` tool as an operator would."""

import json
import os
import signal
import subprocess
import time

PATIENCE = 60  # seconds for what takes a few, on a machine that is busy otherwise


class Provider:
    def __init__(self, tools, room):
        self.tools, self.room, self.process = tools, room, None
        # What waft stores for its user goes here too: the real user's is not touched.
        self.environment = {**os.environ, 'HOME': room, 'XDG_CONFIG_HOME': os.path.join(room, '.config')}
        for name in ('WAFT_URL', 'WAFT_TOKEN', 'WAFT_CA'):
            self.environment.pop(name, None)

    def start(self, name, *options):
        """A program of the host build, as a child of ours."""
        return subprocess.Popen([os.path.join(self.tools, name), *options], cwd=self.room, env=self.environment,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def run(self, name, *options, codes=(0,)):
        process = self.start(name, *options)
        text, _ = process.communicate(timeout=PATIENCE + 10)
        assert process.returncode in codes, f'{name} {" ".join(options)}: exit code {process.returncode}: {text}'
        return text

    def waft(self, *options, codes=(0,)):
        return self.run('waft', *options, codes=codes)

    def begin(self):
        with open(os.path.join(self.room, 'provider.log'), 'ab') as log:
            self.process = subprocess.Popen(
                [os.path.join(self.tools, 'waft'), 'up', '--data', 'provider', '--app-topic', 'app/%u/#'],
                cwd=self.room, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + PATIENCE
        while True:
            assert self.process.poll() is None and time.monotonic() < deadline, 'the provider does not start'
            status = self.start('waft', 'status', '-o', 'json')
            text, _ = status.communicate()
            if status.returncode == 0 and json.loads(text)['brokerState'] == 'connected':
                self.broker = json.loads(text)['broker'].rsplit(':', 1)[1]
                return
            time.sleep(0.05)  # nobody tells when it listens

    def end(self):
        """The broker ends with it."""
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(PATIENCE)
            self.process = None

    def __enter__(self):
        self.begin()
        return self

    def __exit__(self, *_):
        self.end()

    def execution(self, job):
        """Status and reason of a job's only execution, once it has ended."""
        self.waft('job', 'watch', job, '--timeout', str(PATIENCE), codes=(0, 3))
        row = json.loads(self.waft('job', 'show', job, '-o', 'json'))[0]
        return row['status'], row['reason']
