package main

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// loopback reports whether an address, a host with a port, is on the loopback interface.
func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	return err == nil && loopbackName(host)
}

func loopbackName(host string) bool {
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && ip.Unmap().IsLoopback()
}

// requireLoopbackHost refuses requests whose Host is not a name of this host. Otherwise
// any website could read a listener on the loopback interface through its visitor's
// browser, by resolving its own name to 127.0.0.1 (DNS rebinding).
func requireLoopbackHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := strings.TrimSuffix(strings.TrimPrefix(r.Host, "["), "]")
		if !loopbackName(host) && !loopback(r.Host) {
			http.Error(w, "the Host of the request must be localhost or a loopback address", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}
