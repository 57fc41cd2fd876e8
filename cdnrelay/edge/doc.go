// Package edge lets a node of weir stand in front of others: it takes each stream that its viewers ask for once from the node
// that has it, and serves it in all forms.
//
//	origin: ring ─► session ─► GET /edge/{app}/{room}/{stream}: one endless fragmented MP4 ─► pull ─► ring: edge
//	        HLS objects ─────► GET /edge/{app}/{room}/{stream}/{file} ───────────────────────► cache
//
// A node is both: the sides differ in who asks. A node in front may stand in front of another one. The package decides nothing
// about viewers, whom each node lets in by itself; nodes know each other by a shared key. Its goroutines belong to Edge.Run.
package edge
