#!/usr/bin/python3
"""Plays a stream by WHEP with GStreamer's webrtcbin (libnice, OpenSSL) and decodes what comes.

It prints a line for each step, DELETEs its session when it has seen enough, and fails if that takes too long.

usage: gstreamer_whep.py URL
"""

import sys
import urllib.parse
import urllib.request

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

CAPS = {
    "video": "application/x-rtp,media=video,encoding-name=H264,payload=96,clock-rate=90000,"
    "packetization-mode=(string)1,profile-level-id=(string)42e01f,rtcp-fb-nack=(boolean)true,rtcp-fb-nack-pli=(boolean)true",
    "audio": "application/x-rtp,media=audio,encoding-name=OPUS,payload=97,clock-rate=48000,encoding-params=(string)2",
}
DECODERS = {
    "video": "queue ! rtph264depay ! h264parse ! avdec_h264 ! fakesink name=sink sync=false signal-handoffs=true",
    "audio": "queue ! rtpopusdepay ! opusdec ! fakesink name=sink sync=false signal-handoffs=true",
}
WANTED = {"video": 60, "audio": 100}  # buffers
PATIENCE = 60  # seconds for everything


def say(*words):
    """Writes a line in one piece: several threads do."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


class Viewer:
    """One session, from the offer to the DELETE."""

    def __init__(self, url):
        self.url = url
        self.session = None
        self.failure = None
        self.offered = False
        self.seen = dict.fromkeys(WANTED, 0)
        self.offer = self.answer = None  # kept alive: the descriptions point into them
        self.loop = GLib.MainLoop()
        self.pipeline = Gst.Pipeline()
        self.peer = Gst.ElementFactory.make("webrtcbin")
        self.peer.set_property("bundle-policy", GstWebRTC.WebRTCBundlePolicy.MAX_BUNDLE)
        self.pipeline.add(self.peer)
        self.peer.connect("notify::ice-gathering-state", self.on_gathering)
        self.peer.connect("pad-added", self.on_pad)
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message::error", self.on_error)

    def run(self):
        """Plays and returns what went wrong, or None."""
        self.pipeline.set_state(Gst.State.READY)
        for caps in CAPS.values():
            self.peer.emit("add-transceiver", GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY, Gst.Caps.from_string(caps))
        self.pipeline.set_state(Gst.State.PLAYING)
        # Not on on-negotiation-needed, which comes from another thread and may be before the second transceiver.
        self.peer.emit("create-offer", None, Gst.Promise.new_with_change_func(self.on_offer))
        GLib.timeout_add_seconds(PATIENCE, self.end, f"not enough within {PATIENCE} s")
        self.loop.run()
        say("seen", self.seen)
        if self.session:
            with self.request("DELETE", self.session) as response:
                say("deleted", response.status)
        self.pipeline.set_state(Gst.State.NULL)
        return self.failure

    def end(self, failure=None):
        self.failure = self.failure or failure
        self.loop.quit()
        return GLib.SOURCE_REMOVE

    def on_error(self, _, message):
        self.end(str(message.parse_error()[0]))

    def on_pad(self, _, pad):
        if pad.get_direction() != Gst.PadDirection.SRC:
            return
        kind = pad.get_current_caps().get_structure(0).get_string("media")
        say("track", kind)
        decoder = Gst.parse_bin_from_description(DECODERS[kind], True)
        decoder.get_by_name("sink").connect("handoff", self.on_buffer, kind)
        self.pipeline.add(decoder)
        decoder.sync_state_with_parent()
        pad.link(decoder.get_static_pad("sink"))

    def on_buffer(self, sink, _, pad, kind):
        self.seen[kind] += 1
        if self.seen[kind] == WANTED[kind]:
            say(kind, WANTED[kind], pad.get_current_caps().get_structure(0).to_string())
        if all(self.seen[k] >= n for k, n in WANTED.items()):
            GLib.idle_add(self.end)

    def on_offer(self, promise):
        # A copy, since what the promise holds goes with it; each object needs a name of its own while it is read.
        reply = promise.get_reply()
        offer = reply.get_value("offer")
        _, self.offer = GstSdp.SDPMessage.new_from_text(offer.sdp.as_text())
        self.describe("set-local-description", GstWebRTC.WebRTCSDPType.OFFER, self.offer)

    def describe(self, action, kind, message):
        self.peer.emit(action, GstWebRTC.WebRTCSessionDescription.new(kind, message), Gst.Promise.new())

    def on_gathering(self, *_):
        # This viewer does not trickle: its offer has all candidates.
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
        return urllib.request.urlopen(r, timeout=20)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    Gst.init(None)
    sys.exit(Viewer(sys.argv[1]).run())


main()
