package e2e

import "testing"

// TestServer plays all that needs no server of its own to one server at once, as in real life, and then searches
// what it wrote for secrets.
func TestServer(t *testing.T) {
	// Viewers who are late on a busy machine get all the same, as do players who ask seldom: what is skipped is tested elsewhere.
	s := start(t, "WEIR_INGEST_GRACE=3s", "WEIR_LIVE_RING_TIME=1m", "WEIR_FLV_MAX_AGE=1m", "WEIR_HLS_WINDOW=12")
	t.Run("while others are served", func(t *testing.T) {
		for _, c := range []struct {
			name string
			test func(t *testing.T, s *server)
		}{
			{"sound keeps pitch, length and place", testSound},
			{"HLS", testHLS},
			{"publisher vanishes", testVanish},
			{"publisher comes back", testComeBack},
			{"publisher says goodbye", testDelete},
			{"takeover", testTakeover},
			{"race of publishers", testRace},
			{"WHEP", testWHEP},
			{"FLV", testFLV},
			{"FLV with Opus", testEnhancedFLV},
			{"FLV refuses", testFLVRefuses},
			{"H.265, AV1 and VP9", testCodecs},
			{"takeover with another codec", testCodecTakeover},
			{"simulcast", testSimulcast},
			{"video only", testVideoOnly},
			{"audio only", testAudioOnly},
			{"first HLS viewer", testFirstHLS},
			{"join", testJoin},
			{"RTMP", testRTMP},
			{"RTMP encoder vanishes", testRTMPVanish},
			{"RTMP takes over", testRTMPTakeover},
			{"RTMP clients", testRTMPClients},
			{"RTMP refuses", testRTMPRefuses},
			{"bad input", testBadInput},
			{"players", testPlayers},
			{"pages and health", testPages},
		} {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				c.test(t, s)
			})
		}
	})
	t.Run("secrets", func(t *testing.T) { testSecrets(t, s) })
}
