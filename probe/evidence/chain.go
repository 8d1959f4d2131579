package evidence

// Chain is the certificates that secure the connections to one server. It is zero if no TLS
// handshake got as far as the server's certificates.
type Chain struct {
	// Served are those that the server sent, its own first, at most ten. A CA that it sent too
	// is among the authorities only.
	Served []Certificate
	// Authorities are those of the exporter's CA bundle for the server.
	Authorities
}

// Verified reports whether the exporter verified the server.
func (c Chain) Verified() bool { return len(c.Served) > 0 && c.Served[0].Verified }

// Authorities are the certificates of a CA bundle.
type Authorities struct {
	// Verifying is the one at the end of the chain that stays valid the longest; zero if there
	// is none, for example because the bundle contains the server's own certificate.
	Verifying Certificate
	// Others are the first of the others to expire, at most three.
	Others []Certificate
}
