"""A headless browser, steered by the DevTools protocol over a pair of pipes."""
import base64
import json
import os
import subprocess

# Nothing that the browser does by itself is to be taken for what the page does.
OPTIONS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
           "--disable-background-networking", "--disable-component-update", "--disable-sync",
           "--disable-default-apps", "--no-first-run", "--no-default-browser-check",
           "--hide-scrollbars", "--remote-debugging-pipe"]


class Browser:
    """One page in one browser, and all that it said."""

    def __init__(self, program, profile):
        ours_in, theirs_out = os.pipe()
        theirs_in, ours_out = os.pipe()
        # The protocol wants its pipes as descriptors 3 and 4.
        script = f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}'
        self.process = subprocess.Popen(
            ["bash", "-c", script, "bash", program, *OPTIONS, f"--user-data-dir={profile}",
             "about:blank"],
            pass_fds=(theirs_in, theirs_out), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        os.close(theirs_in)
        os.close(theirs_out)
        self.requests = os.fdopen(ours_out, "wb", buffering=0)
        self.answers = os.fdopen(ours_in, "rb", buffering=0)
        self.rest, self.last, self.session, self.events = b"", 0, None, []
        self.attach()

    def message(self):
        """The next message of the browser."""
        while b"\0" not in self.rest:
            data = self.answers.read(65536)
            if not data:
                raise EOFError("the browser ended")
            self.rest += data
        text, self.rest = self.rest.split(b"\0", 1)
        return json.loads(text)

    def call(self, method, **parameters):
        """Calls a method and waits for its result; events until then are kept."""
        self.last += 1
        request = {"id": self.last, "method": method, "params": parameters}
        if self.session:
            request["sessionId"] = self.session
        self.requests.write(json.dumps(request).encode() + b"\0")
        while True:
            answer = self.message()
            if answer.get("id") == self.last:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]
            self.events.append(answer)

    def attach(self):
        """Opens a page and lets it tell everything."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def wait(self, method):
        """Waits until an event came."""
        while not any(event.get("method") == method for event in self.events):
            self.events.append(self.message())

    def open(self, address):
        """Shows a page and waits until it is loaded."""
        self.events.clear()
        self.call("Page.navigate", url=address)
        self.wait("Page.loadEventFired")

    def ask(self, expression):
        """The value of an expression in the page."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in result:
            raise RuntimeError(f"{expression}: {result['exceptionDetails']['text']}")
        return result["result"].get("value")

    def look(self, width, dark=False):
        """Gives the page that width, and a light or a dark taste."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900,
                  deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def picture(self, path):
        """Draws the whole page into a file."""
        result = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        with open(path, "wb") as file:
            file.write(base64.b64decode(result["data"]))

    def complaints(self):
        """What the page said or threw."""
        found = []
        for event in self.events:
            what = event.get("params", {})
            if event.get("method") == "Runtime.exceptionThrown":
                details = what["exceptionDetails"]
                found.append(details.get("exception", {}).get("description", details["text"]))
            elif event.get("method") == "Runtime.consoleAPICalled":
                found.append(str([argument.get("value") for argument in what["args"]]))
            elif event.get("method") == "Log.entryAdded":
                found.append(what["entry"]["text"])
        return found

    def asked_for(self):
        """The addresses that the page asked for."""
        return [event["params"]["request"]["url"] for event in self.events
                if event.get("method") == "Network.requestWillBeSent"]

    def close(self):
        """Ends the browser."""
        self.requests.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
