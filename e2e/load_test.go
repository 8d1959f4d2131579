package e2e

import (
	"context"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	eventStreams       = 50 // open at the same time
	pageLoadsPerSecond = 100
	loadDuration       = time.Minute
)

// TestPageLoadDoesNotAffectProbes: readers of the page delay no run, and cause no skipped tick and
// no change of a verdict.
func TestPageLoadDoesNotAffectProbes(t *testing.T) {
	exporter := serve(t, sharedEnv())
	address := exporter.address("")
	waitFor(t, shared.lab, exporter, "health", func(e exposition) bool { return e.verdict() == healthyVerdict })
	before := scrape(t, address)

	ctx, cancel := context.WithTimeout(t.Context(), loadDuration)
	defer cancel()
	var readers sync.WaitGroup
	var events, pages, failed atomic.Int64
	for range eventStreams {
		readers.Go(func() { events.Add(readEvents(ctx, "http://"+address+"/api/v1/events")) })
	}
	tick := time.NewTicker(time.Second / pageLoadsPerSecond)
	defer tick.Stop()
	for ctx.Err() == nil {
		<-tick.C
		readers.Go(func() {
			if loadPage("http://" + address + "/") {
				pages.Add(1)
			} else {
				failed.Add(1)
			}
		})
	}
	readers.Wait()

	after := scrape(t, address)
	if after.verdict() != healthyVerdict || after.value("exporter_probes_skipped_total") != before.value("exporter_probes_skipped_total") {
		t.Errorf("after the load: %s, ticks skipped: %s", after.verdict(), after.value("exporter_probes_skipped_total"))
	}
	if runs, want := after.counter("probes_total")-before.counter("probes_total"), float64(loadDuration/(8*time.Second)); runs < want {
		t.Errorf("%v runs completed under load, want %v", runs, want)
	}
	if got := exporter.verdictChanges(); got != 1 {
		t.Errorf("%d changes of verdict were logged, want only the first:\n%s", got, exporter.out)
	}
	if pages.Load() < int64(pageLoadsPerSecond*loadDuration.Seconds()*9/10) || failed.Load() > 0 || events.Load() < eventStreams {
		t.Errorf("the load was too small: %d pages loaded, %d failed, %d bytes of events read", pages.Load(), failed.Load(), events.Load())
	}
}

// loadPage loads the page on a new connection and reports whether the status was 200.
func loadPage(url string) bool {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get(url)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return err == nil && response.StatusCode == http.StatusOK
}

// readEvents reads an event stream until the context ends, and returns the number of bytes.
func readEvents(ctx context.Context, url string) int64 {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	n, _ := io.Copy(io.Discard, response.Body) // returns when the context ends
	return n
}
