"""What publishing and playing with GStreamer's webrtcbin (libnice, OpenSSL) have in common: one session of WHIP or WHEP,
from the offer to the DELETE. It is imported by the programs beside it."""

import os
import sys
import urllib.parse
import urllib.request

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402


def say(*words):
    """Writes a line in one piece: several threads do."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


class Session:
    """Owns a pipeline with the webrtcbin "peer" in it. The offer begins with a call of negotiate."""

    def __init__(self, url, pipeline):
        self.url = url
        self.session = None
        self.failure = None
        self.offered = False
        self.offer = self.answer = None  # kept alive: the descriptions point into them
        self.loop = GLib.MainLoop()
        self.pipeline = pipeline
        self.peer = pipeline.get_by_name("peer")
        self.peer.connect("notify::ice-gathering-state", self.on_gathering)
        bus = pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message::error", self.on_error)

    def run(self):
        """Runs until end is called, and returns what went wrong, or None."""
        self.loop.run()
        self.at_end()
        if self.session:
            with self.request("DELETE", self.session) as response:
                say("deleted", response.status)
        self.pipeline.set_state(Gst.State.NULL)
        return self.failure

    def at_end(self):
        """For who has something to say before the DELETE."""

    def end(self, failure=None):
        self.failure = self.failure or failure
        self.loop.quit()
        return GLib.SOURCE_REMOVE

    def on_error(self, _, message):
        self.end(str(message.parse_error()[0]))

    def negotiate(self, *_):
        self.peer.emit("create-offer", None, Gst.Promise.new_with_change_func(self.on_offer))

    def on_offer(self, promise):
        # A copy, since what the promise holds goes with it; each object needs a name of its own while it is read.
        reply = promise.get_reply()
        offer = reply.get_value("offer")
        _, self.offer = GstSdp.SDPMessage.new_from_text(offer.sdp.as_text())
        self.describe("set-local-description", GstWebRTC.WebRTCSDPType.OFFER, self.offer)

    def describe(self, action, kind, message):
        self.peer.emit(action, GstWebRTC.WebRTCSessionDescription.new(kind, message), Gst.Promise.new())

    def on_gathering(self, *_):
        # There is no trickle here: the offer has all candidates.
        if self.peer.get_property("ice-gathering-state") != GstWebRTC.WebRTCICEGatheringState.COMPLETE or self.offered:
            return
        self.offered = True
        GLib.idle_add(self.post)

    def post(self):
        try:
            offer = self.peer.get_property("local-description")
            with self.request("POST", self.url, offer.sdp.as_text()) as response:
                self.session = urllib.parse.urljoin(self.url, response.headers["Location"])
                say("created", response.status, response.headers.get("ETag"))
                _, self.answer = GstSdp.SDPMessage.new_from_text(response.read().decode())
        except OSError as e:
            return self.end(f"POST: {e}")
        self.describe("set-remote-description", GstWebRTC.WebRTCSDPType.ANSWER, self.answer)
        return GLib.SOURCE_REMOVE

    @staticmethod
    def request(method, url, body=None):
        r = urllib.request.Request(url, data=body and body.encode(), method=method)
        if body:
            r.add_header("Content-Type", "application/sdp")
        if token := os.environ.get("WEIR_TOKEN"):
            r.add_header("Authorization", "Bearer " + token)
        return urllib.request.urlopen(r, timeout=20)


def main(doc, session):
    """Runs the session of the class for the address in the arguments."""
    if len(sys.argv) != 2:
        sys.exit(doc)
    Gst.init(None)
    sys.exit(session(sys.argv[1]).run())
