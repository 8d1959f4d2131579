package gather

import (
	"errors"
	"net"
	"slices"
	"strings"
)

// net/http exports no type of an HTTP/2 error. One of a stream can be had as a struct with the
// same fields; the others have nothing but their texts, which TestHTTP2Failures produces.

// streamError is an error of one HTTP/2 stream.
type streamError struct {
	StreamID uint32
	Code     uint32 // RFC 9113, section 7
	Cause    error
}

func (e streamError) Error() string { return "stream error" }

// endingCodes are those with which a server ends a stream that is not at fault: NO_ERROR,
// INTERNAL_ERROR, REFUSED_STREAM, CANCEL and ENHANCE_YOUR_CALM. All others say that one side
// violates the protocol.
var endingCodes = []uint32{0x0, 0x2, 0x7, 0x8, 0xb}

// endedHTTP2 reports whether the server ended an HTTP/2 stream or connection that carried a
// request without fault.
func endedHTTP2(err error) bool {
	if reset, ok := errors.AsType[streamError](err); ok {
		return slices.Contains(endingCodes, reset.Code)
	}
	text := err.Error()
	return strings.Contains(text, "http2: server sent GOAWAY and closed the connection") && strings.Contains(text, "ErrCode=NO_ERROR") ||
		strings.Contains(text, "http2: Transport received Server's graceful shutdown GOAWAY") ||
		strings.Contains(text, "http2: client conn is closed") || strings.Contains(text, notEstablished)
}

// isWriteError reports whether writing to a connection failed.
func isWriteError(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "write"
}
