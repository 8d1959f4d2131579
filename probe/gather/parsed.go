package gather

import (
	"crypto/sha256"
	"crypto/tls"
	"maps"
	"sync"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/localfile"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// Every run opens and reads its files, and parses those whose bytes are not the same as in
// the last run.

// parsedFiles reads files, and holds what was parsed from them.
type parsedFiles struct {
	// given is the content of one file that is not read: of standard input, which can be read once.
	given struct {
		path    string
		content []byte
	}

	bundles parsed[caBundle]
	pairs   parsed[tls.Certificate] // with private keys
	claims  parsed[evidence.Claims] // without their tokens
}

const (
	// maxParsed limits the number of files of one kind. Those beyond it are parsed each time.
	maxParsed = 4096
	// parsedFor is how long what was parsed is kept after its last use.
	parsedFor = 5 * time.Minute
)

// read returns the content of a file, which has at most limit bytes unless it was given.
func (known *parsedFiles) read(path string, limit int64) ([]byte, error) {
	if path != "" && path == known.given.path {
		return known.given.content, nil
	}
	return localfile.Read(path, limit)
}

// parsed maps files to what was parsed from them. It holds no content of a file, only its
// hash, and nothing of what the file contained before.
type parsed[T any] struct {
	mu    sync.Mutex // guards the fields below
	files map[string]parsedFile[T]
	swept time.Time
}

type parsedFile[T any] struct {
	sum   [sha256.Size]byte
	value T
	used  time.Time
}

// of returns what parse returns for these contents of the files that name stands for.
func (p *parsed[T]) of(name string, parse func() (T, error), contents ...[]byte) (T, error) {
	now, sum := time.Now(), sumOf(contents)
	if value, known := p.lookup(name, sum, now); known {
		return value, nil
	}
	value, err := parse()
	if err == nil {
		p.keep(name, parsedFile[T]{sum, value, now})
	}
	return value, err
}

func sumOf(contents [][]byte) [sha256.Size]byte {
	if len(contents) == 1 {
		return sha256.Sum256(contents[0])
	}
	var sums []byte
	for _, content := range contents {
		sum := sha256.Sum256(content)
		sums = append(sums, sum[:]...)
	}
	return sha256.Sum256(sums)
}

func (p *parsed[T]) lookup(name string, sum [sha256.Size]byte, now time.Time) (value T, known bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Sub(p.swept) > parsedFor {
		maps.DeleteFunc(p.files, func(_ string, f parsedFile[T]) bool { return now.Sub(f.used) > parsedFor })
		p.swept = now
	}
	file, known := p.files[name]
	if !known || file.sum != sum {
		delete(p.files, name)
		return value, false
	}
	file.used = now
	p.files[name] = file
	return file.value, true
}

func (p *parsed[T]) keep(name string, file parsedFile[T]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.files == nil {
		p.files = map[string]parsedFile[T]{}
	}
	if len(p.files) < maxParsed {
		p.files[name] = file
	}
}
