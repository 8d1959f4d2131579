package leader

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"k8s.io/client-go/rest"
)

// answers is an API server that gives one answer to reads and another to writes, and keeps nothing.
type answers struct {
	read, write answer
}

type answer struct {
	status      int
	contentType string
	body        string
}

func (a answers) RoundTrip(r *http.Request) (*http.Response, error) {
	given := a.write
	if r.Method == http.MethodGet {
		given = a.read
	}
	return &http.Response{
		StatusCode: given.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Content-Type": {given.contentType}}, Body: io.NopCloser(strings.NewReader(given.body)),
	}, nil
}

// FuzzLeaseAnswer has a candidate make attempts at an API server that answers anything. It leads only
// where a write was answered with a Lease that it holds, and shows nothing unbounded, unprintable or
// secret.
func FuzzLeaseAnswer(f *testing.F) {
	const json, status = "application/json", `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Conflict","code":409,"message":"modified"}`
	own, other := leaseOf("only"), leaseOf("other")
	expired := strings.Replace(other, `"leaseDurationSeconds":15`, `"leaseDurationSeconds":0`, 1)
	for _, seed := range []answers{
		{answer{200, json, own}, answer{200, json, own}},
		{answer{404, json, strings.Replace(status, "Conflict", "NotFound", 1)}, answer{201, json, own}},
		{answer{200, json, expired}, answer{409, json, status}},
		{answer{200, json, other}, answer{}},
		{answer{200, json, expired}, answer{200, json, other}},
		{answer{200, json, strings.Replace(expired, `"holderIdentity"`, `"leaseTransitions":2147483647,"holderIdentity"`, 1)}, answer{200, json, own}},
		{answer{200, "text/html", "<html>" + ownToken}, answer{}},
		{answer{200, json, "{}"}, answer{500, "", strings.Repeat("x", 1<<12)}},
		{answer{200, "application/vnd.kubernetes.protobuf", "k8s\x00\x0a"}, answer{200, json, "null"}},
		{answer{101, "", ""}, answer{302, "", ""}},
	} {
		f.Add(seed.read.status, seed.read.contentType, seed.read.body, seed.write.status, seed.write.contentType, seed.write.body)
	}
	f.Fuzz(func(t *testing.T, readStatus int, readType, read string, writeStatus int, writeType, write string) {
		server := answers{answer{readStatus, readType, read}, answer{writeStatus, writeType, write}}
		client, err := newClient(rest.Config{Host: "http://cluster", BearerToken: ownToken}, server)
		if err != nil {
			t.Fatal(err)
		}
		var logged bytes.Buffer
		c := New(client, "monitoring", "exporter", "only", func() {}, slog.New(slog.NewTextHandler(&logged, nil)))
		for range 3 {
			_ = c.try(t)
		}
		if c.election.written != nil && (writeStatus < 200 || writeStatus > 299) {
			t.Errorf("a write that was answered with %d was taken for done", writeStatus)
		}
		if c.Leads() && !strings.Contains(write, `\`) && !strings.Contains(write, "only") { // or it is escaped
			t.Errorf("it leads with the answers\n%q\n%q", read, write)
		}
		shown := c.Holder()
		if len(shown) > maxHolder+len("…") || strings.ContainsAny(shown, "\x00\x1b\r\n") || logged.Len() > 3000 {
			t.Errorf("the holder is shown as %q, and %d bytes were logged", shown, logged.Len())
		}
		if out := shown + logged.String(); strings.Contains(out, ownToken) {
			t.Errorf("the token is shown: %s", out)
		}
	})
}
