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

// requireLoopbackHost refuses requests that reach the loopback interface with a Host that is
// neither a name of this host nor other, which may be empty. Otherwise any website could
// read a listener there through its visitor's browser, by resolving its own name to 127.0.0.1
// (DNS rebinding).
func requireLoopbackHost(next http.Handler, other string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := hostname(r.Host)
		allowed := loopbackName(name) || other != "" && strings.EqualFold(name, other)
		if arrivedOnLoopback(r) && !allowed {
			http.Error(w, "the Host of the request must be localhost, a loopback address or that of --web.external-url", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// hostname returns the Host of a request without its port.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
}

// arrivedOnLoopback reports whether the connection of a request is to the loopback interface.
// One to an address that is not known counts as such.
func arrivedOnLoopback(r *http.Request) bool {
	address, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return true
	}
	switch address.Network() {
	case "tcp", "tcp4", "tcp6":
		return loopback(address.String())
	}
	return false // a browser reaches no other
}
