#!/usr/bin/python3
"""Plays a stream by WHEP with GStreamer's webrtcbin (libnice, OpenSSL) and decodes what comes.

It prints a line for each step, DELETEs its session when it has seen enough, and fails if that takes too long.

usage: gstreamer_whep.py URL
"""

from gstreamer_session import GLib, Gst, GstWebRTC, Session, main, say

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


class Viewer(Session):
    def __init__(self, url):
        pipeline = Gst.Pipeline()
        peer = Gst.ElementFactory.make("webrtcbin", "peer")
        peer.set_property("bundle-policy", GstWebRTC.WebRTCBundlePolicy.MAX_BUNDLE)
        pipeline.add(peer)
        super().__init__(url, pipeline)
        self.seen = dict.fromkeys(WANTED, 0)
        self.peer.connect("pad-added", self.on_pad)

    def run(self):
        self.pipeline.set_state(Gst.State.READY)
        for caps in CAPS.values():
            self.peer.emit("add-transceiver", GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY, Gst.Caps.from_string(caps))
        self.pipeline.set_state(Gst.State.PLAYING)
        # Not on on-negotiation-needed, which comes from another thread and may be before the second transceiver.
        self.negotiate()
        GLib.timeout_add_seconds(PATIENCE, self.end, f"not enough within {PATIENCE} s")
        return super().run()

    def at_end(self):
        say("seen", self.seen)

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


main(__doc__, Viewer)
