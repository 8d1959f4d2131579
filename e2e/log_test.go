package e2e

import (
	"encoding/json"
	"strings"
	"sync"
)

// A journal is what a running exporter has printed so far.
type journal struct {
	mu   sync.Mutex // guards text
	text strings.Builder
}

func (j *journal) Write(data []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(data)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// An entry is a line of the log, as far as it matters here.
type entry struct {
	Message string `json:"msg"`
	Address string `json:"address"`
	For     string `json:"for"`
	Reason  string `json:"reason"`
}

// entries are the whole lines. Other is what is no line of the log: a library's
// words, a panic, a race.
func (j *journal) entries() (log []entry, other []string) {
	for line := range strings.Lines(j.String()) {
		if !strings.HasSuffix(line, "\n") {
			break
		}
		var e entry
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.Message == "" {
			other = append(other, line)
			continue
		}
		log = append(log, e)
	}
	return log, other
}

// changes are the verdicts that were logged as new, in order.
func (j *journal) changes() (reasons []string) {
	log, _ := j.entries()
	for _, e := range log {
		if e.Message == "Verdict changed" {
			reasons = append(reasons, e.Reason)
		}
	}
	return reasons
}

// last is at most the last n lines.
func (j *journal) last(n int) string {
	lines := strings.SplitAfter(j.String(), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "")
}
