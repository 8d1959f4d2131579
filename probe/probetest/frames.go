package probetest

import (
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"time"
)

// Frames is the server's end of one HTTP/2 connection, for what no handler can do.
type Frames struct{ net.Conn }

// The types of frames and the codes of errors (RFC 9113, sections 6 and 7).
const (
	FrameData, FrameHeaders, FrameReset, FrameSettings, FramePing, FrameGoAway byte = 0, 1, 3, 4, 6, 7

	CodeNone, CodeProtocol, CodeInternal, CodeRefused, CodeCancel, CodeHTTP11Required uint32 = 0, 1, 2, 7, 8, 13
)

// The flags of a frame.
const (
	EndStream  byte = 1
	EndHeaders byte = 4
)

// HeaderOK is a header block with the status 200 and the content type application/json.
const HeaderOK = "\x88\x5f\x10application/json"

// Send sends one frame. After a failure the connection is closed, and the client sees it.
func (f Frames) Send(kind, flags byte, stream uint32, payload string) {
	header := make([]byte, 9, 9+len(payload))
	binary.BigEndian.PutUint32(header, uint32(len(payload))<<8)
	header[3], header[4] = kind, flags
	binary.BigEndian.PutUint32(header[5:], stream)
	if _, err := f.Write(append(header, payload...)); err != nil {
		_ = f.Close()
	}
}

// Reset resets a stream.
func (f Frames) Reset(stream, code uint32) { f.Send(FrameReset, 0, stream, word(code)) }

// GoAway says that no stream after this one was processed.
func (f Frames) GoAway(last, code uint32) { f.Send(FrameGoAway, 0, 0, word(last)+word(code)) }

func word(n uint32) string { return string(binary.BigEndian.AppendUint32(nil, n)) }

// Requests calls serve with the stream of each request, once that was sent completely, until
// the connection ends. It begins with the server's SETTINGS. A client that speaks HTTP/1.1 is
// not served.
func (f Frames) Requests(serve func(stream uint32)) {
	const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	spoken := make([]byte, len(preface))
	if _, err := io.ReadFull(f, spoken); err != nil || string(spoken) != preface {
		return
	}
	f.Send(FrameSettings, 0, 0, "")
	for {
		var header [9]byte
		if _, err := io.ReadFull(f, header[:]); err != nil {
			return
		}
		length := int64(binary.BigEndian.Uint32(header[:]) >> 8)
		if _, err := io.CopyN(io.Discard, f, length); err != nil {
			return
		}
		if kind := header[3]; (kind == FrameHeaders || kind == FrameData) && header[4]&EndStream != 0 {
			serve(binary.BigEndian.Uint32(header[5:]))
		}
	}
}

// ServeFrames serves Vault's address with HTTP/2 connections: serve is called for each one
// after its TLS handshake, and it is closed when serve returns.
func (w *World) ServeFrames(serve func(Frames)) string {
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{w.vaultCA.issue(nil)}, NextProtos: []string{"h2"},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer connection.Close()
				if connection.(*tls.Conn).HandshakeContext(w.t.Context()) == nil {
					serve(Frames{connection})
				}
			})
		}
	})
	w.t.Cleanup(func() {
		_ = listener.Close()
		ended := make(chan struct{})
		go func() {
			serving.Wait()
			close(ended)
		}()
		select {
		case <-ended:
		case <-time.After(time.Minute):
			w.t.Fatal("a run has left a connection open")
		}
	})
	return "https://" + listener.Addr().String()
}
