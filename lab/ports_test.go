package lab

import (
	"net"
	"testing"
)

func TestListenStaysBelowTheEphemeralRange(t *testing.T) {
	end := ephemeralStart()
	for range 50 {
		l, err := listen()
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		address := l.Addr().(*net.TCPAddr)
		if address.Port < firstPort || address.Port >= end {
			t.Errorf("port %d is not in [%d, %d)", address.Port, firstPort, end)
		}
		if !address.IP.IsLoopback() {
			t.Errorf("%s is not loopback", address.IP)
		}
	}
}

// TestNoPortIsChosenTwice checks that nobody gets the port of a server that is still starting.
func TestNoPortIsChosenTwice(t *testing.T) {
	chosen := map[string]bool{}
	for range 500 {
		address, err := freeAddress()
		if err != nil {
			t.Fatal(err)
		}
		if chosen[address] {
			t.Errorf("%s was chosen twice", address)
		}
		chosen[address] = true
	}
}

func TestFreeAddressIsFree(t *testing.T) {
	address, err := freeAddress()
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
}
