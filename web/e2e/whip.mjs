// The plainest WHIP publisher, for pages of tests that make their own peer connection.

/** Runs in the page: makes globalThis.whip(), which publishes a connection and resolves with why it was refused. */
export function installWhip() {
  globalThis.whip = async (pc, endpoint, token) => {
    await pc.setLocalDescription();
    if (pc.iceGatheringState !== 'complete') {
      await new Promise((done) => {
        pc.addEventListener('icegatheringstatechange', () => pc.iceGatheringState === 'complete' && done());
      });
    }
    const response = await fetch(endpoint, {
      method: 'POST',
      headers: { 'Content-Type': 'application/sdp', Authorization: `Bearer ${token}` },
      body: pc.localDescription.sdp,
    });
    const body = await response.text();
    if (response.status !== 201) return `${response.status} ${body}`;
    await pc.setRemoteDescription({ type: 'answer', sdp: body });
    return '';
  };
}
