package lab

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"sync"
)

const firstPort = 20000

// given are the ports that this process chose. None is chosen again: a server that is still starting, or a proxy that a
// fault has closed, does not listen on its own.
var given sync.Map

// listen listens on a free loopback port below the ephemeral range. The kernel assigns no such port to an outgoing
// connection, so a fault can stop listening on it and later listen again.
func listen() (net.Listener, error) {
	end := ephemeralStart()
	err := errors.New("too many were chosen before")
	for range 100 {
		port := firstPort + rand.IntN(end-firstPort)
		if _, taken := given.LoadOrStore(port, true); taken {
			continue
		}
		var l net.Listener
		if l, err = net.Listen("tcp", loopback(port)); err == nil {
			return l, nil
		}
	}
	return nil, fmt.Errorf("looking for a free port between %d and %d: %w", firstPort, end-1, err)
}

// freeAddress returns the address of a port that was free a moment ago, for a child process to listen on.
func freeAddress() (string, error) {
	l, err := listen()
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// ephemeralStart is the first port that the kernel assigns to outgoing connections: 32768 on Linux by default, higher
// on other systems.
func ephemeralStart() int {
	const linuxDefault = 32768
	var start int
	data, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return linuxDefault
	}
	if _, err := fmt.Sscan(string(data), &start); err != nil || start <= firstPort {
		return linuxDefault
	}
	return start
}
