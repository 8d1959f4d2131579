package e2e

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// everything is all that any exporter of this package ever printed, and every
// credential that it was ever given.
var everything printed

// printed keeps each line once: scrapes repeat themselves.
type printed struct {
	mu      sync.Mutex        // guards what follows
	lines   map[string]string // where each was printed
	secrets map[string]string // what each is
}

func (p *printed) add(where, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lines == nil {
		p.lines = map[string]string{}
	}
	for line := range strings.Lines(text) {
		if _, known := p.lines[line]; !known {
			p.lines[line] = where
		}
	}
}

// count returns the number of lines printed where it says so.
func (p *printed) count(where string) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, at := range p.lines {
		if strings.HasPrefix(at, where) {
			n++
		}
	}
	return n
}

// learn takes a token for a secret, and each part of it that is long enough to be
// told from a word.
func (p *printed) learn(name, token string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.secrets == nil {
		p.secrets = map[string]string{}
	}
	p.secrets[token] = name
	for i, part := range strings.Split(token, ".") {
		if len(part) > 12 {
			p.secrets[part] = fmt.Sprintf("part %d of %s", i+1, name)
		}
	}
}

// learnTokens learns what stands in the exporter's token files now. A file that is
// not there has no secret in it.
func (p *printed) learnTokens() error {
	for _, variable := range world.lab.Env() {
		name, path, _ := strings.Cut(variable, "=")
		if !strings.HasSuffix(name, "_TOKEN_FILE") {
			continue
		}
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("learning what is secret: %w", err)
		}
		p.learn("the token in "+name, strings.TrimSpace(string(data)))
	}
	return nil
}

// known are the secrets, a copy.
func (p *printed) known() map[string]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.secrets)
}

// shapes are what a token looks like that nobody told us of.
var shapes = map[string]*regexp.Regexp{
	"a token of Vault": regexp.MustCompile(`\b(hvs|hvb|s)\.[A-Za-z0-9_-]{20}`),
	"a JWT":            regexp.MustCompile(`eyJ[A-Za-z0-9_-]{20}`),
}

// leaks names what was printed and where, without repeating it.
func (p *printed) leaks() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []string
	for line, where := range p.lines {
		for _, what := range p.within(line) {
			all = append(all, what+" in "+where)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// within must be called with the lock held.
func (p *printed) within(line string) (what []string) {
	for secret, name := range p.secrets {
		if strings.Contains(line, secret) {
			what = append(what, name)
		}
	}
	for name, shape := range shapes {
		if shape.MatchString(line) {
			what = append(what, name)
		}
	}
	return what
}
