#!/usr/bin/python3
"""Publishes a test picture and a tone by WHIP with GStreamer's webrtcbin (libnice, OpenSSL, x264).

It reads the bearer token from WEIR_TOKEN, prints a line for each step and DELETEs its session at the end. NACK=1
makes it answer NACKs, which webrtcbin does not do by itself. It goes on until its standard input ends.

usage: gstreamer_whip.py URL
"""

import os
import sys

from gstreamer_session import GLib, Gst, GstWebRTC, Session, main, say

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


class Publisher(Session):
    def __init__(self, url):
        super().__init__(url, Gst.parse_launch(PIPELINE))
        self.connected = False
        self.peer.connect("on-negotiation-needed", self.negotiate)
        self.peer.connect("notify::connection-state", self.on_state)

    def run(self):
        self.pipeline.set_state(Gst.State.PLAYING)
        GLib.timeout_add_seconds(PATIENCE, self.check_connected)
        GLib.unix_fd_add_full(GLib.PRIORITY_DEFAULT, sys.stdin.fileno(), GLib.IOCondition.IN | GLib.IOCondition.HUP, self.on_input)
        return super().run()

    def check_connected(self):
        return GLib.SOURCE_REMOVE if self.connected else self.end(f"no connection within {PATIENCE} s")

    def on_input(self, *_):
        return GLib.SOURCE_CONTINUE if os.read(sys.stdin.fileno(), 4096) else self.end()

    def on_state(self, *_):
        state = self.peer.get_property("connection-state").value_nick
        say("state", state)
        if state == "connected" and not self.connected:
            self.connected = True
        elif state == "failed" and self.loop.is_running():  # the server's goodbye is no failure
            self.end("the connection failed")

    def negotiate(self, *_):
        for i in range(2):
            transceiver = self.peer.emit("get-transceiver", i)
            transceiver.set_property("direction", GstWebRTC.WebRTCRTPTransceiverDirection.SENDONLY)
            if os.environ.get("NACK"):
                transceiver.set_property("do-nack", True)
        super().negotiate()


main(__doc__, Publisher)
