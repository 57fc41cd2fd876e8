#!/usr/bin/python3
"""Publishes a test picture and a tone by WHIP with GStreamer's webrtcbin (libnice, OpenSSL, x264).

It reads the bearer token from WEIR_TOKEN, prints a line for each step and DELETEs its session at the end. NACK=1
makes it answer NACKs, which webrtcbin does not do by itself. It goes on until its standard input ends.

usage: gstreamer_whip.py URL
"""

import os
import sys
import urllib.parse
import urllib.request

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

# A key frame is sent when the server asks for one, and every two seconds anyway.
PIPELINE = """
webrtcbin name=peer bundle-policy=max-bundle
videotestsrc is-live=true ! video/x-raw,width=640,height=360,framerate=25/1
  ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=50 bitrate=600
  ! video/x-h264,profile=constrained-baseline
  ! rtph264pay pt=96 config-interval=-1 aggregate-mode=zero-latency
  ! application/x-rtp,media=video,encoding-name=H264,payload=96 ! peer.
audiotestsrc is-live=true ! audioconvert ! audioresample ! audio/x-raw,rate=48000,channels=2 ! opusenc
  ! rtpopuspay pt=97 ! application/x-rtp,media=audio,encoding-name=OPUS,payload=97 ! peer.
"""
PATIENCE = 30  # seconds to connect


def say(*words):
    """Writes a line in one piece: several threads do."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


class Publisher:
    """One publication, from the offer to the DELETE."""

    def __init__(self, url):
        self.url = url
        self.session = None
        self.failure = None
        self.offered = False
        self.connected = False
        self.offer = self.answer = None  # kept alive: the descriptions point into them
        self.loop = GLib.MainLoop()
        self.pipeline = Gst.parse_launch(PIPELINE)
        self.peer = self.pipeline.get_by_name("peer")
        self.peer.connect("on-negotiation-needed", self.negotiate)
        self.peer.connect("notify::ice-gathering-state", self.on_gathering)
        self.peer.connect("notify::connection-state", self.on_state)
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message::error", self.on_error)

    def run(self):
        """Publishes and returns what went wrong, or None."""
        self.pipeline.set_state(Gst.State.PLAYING)
        GLib.timeout_add_seconds(PATIENCE, self.check_connected)
        GLib.unix_fd_add_full(GLib.PRIORITY_DEFAULT, sys.stdin.fileno(), GLib.IOCondition.IN | GLib.IOCondition.HUP, self.on_input)
        self.loop.run()
        if self.session:
            with self.request("DELETE", self.session) as response:
                say("deleted", response.status)
        self.pipeline.set_state(Gst.State.NULL)
        return self.failure

    def end(self, failure=None):
        self.failure = self.failure or failure
        self.loop.quit()
        return GLib.SOURCE_REMOVE

    def check_connected(self):
        return GLib.SOURCE_REMOVE if self.connected else self.end(f"no connection within {PATIENCE} s")

    def on_input(self, *_):
        return GLib.SOURCE_CONTINUE if os.read(sys.stdin.fileno(), 4096) else self.end()

    def on_error(self, _, message):
        self.end(str(message.parse_error()[0]))

    def on_state(self, *_):
        state = self.peer.get_property("connection-state").value_nick
        say("state", state)
        if state == "connected" and not self.connected:
            self.connected = True
        elif state == "failed" and self.loop.is_running():  # the server's goodbye is no failure
            self.end("the connection failed")

    def negotiate(self, _):
        for i in range(2):
            transceiver = self.peer.emit("get-transceiver", i)
            transceiver.set_property("direction", GstWebRTC.WebRTCRTPTransceiverDirection.SENDONLY)
            if os.environ.get("NACK"):
                transceiver.set_property("do-nack", True)
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
        # This publisher does not trickle: its offer has all candidates.
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
        return urllib.request.urlopen(r, timeout=10)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    Gst.init(None)
    sys.exit(Publisher(sys.argv[1]).run())


main()
