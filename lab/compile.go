package lab

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

// reportEvery is how often a compilation that takes long says how far it is.
const reportInterval = 10 * time.Second

// A compilation is one call of go build.
type compilation struct {
	what, dir, pkg, target string
	tags                   string
	minutes                int // what the first one takes on a small machine; 0: not worth a word
}

// compile writes the target whole or not at all.
func (b *builder) compile(ctx context.Context, c compilation) error {
	report := newReport(b.progress, c)
	defer report.stop()

	total, err := c.packages(ctx, report)
	if err != nil {
		return err
	}
	report.phase("compiling", total)
	temporary := fmt.Sprintf("%s.%d.tmp", c.target, os.Getpid())
	defer os.Remove(temporary)
	build := goTool(ctx, c.dir, "build", "-v", "-trimpath", "-buildvcs=false", "-tags="+c.tags, "-o", temporary, c.pkg)
	stderr, err := build.StderrPipe()
	if err != nil {
		return err
	}
	if err := build.Start(); err != nil {
		return fmt.Errorf("compiling %s: %w", c.what, err)
	}
	lastLines := report.count(stderr)
	if err := build.Wait(); err != nil {
		return fmt.Errorf("compiling %s: %w\n%s", c.what, err, lastLines)
	}
	return os.Rename(temporary, c.target)
}

// packages counts what there is to compile, downloading the sources first.
func (c compilation) packages(ctx context.Context, report *progressReport) (int, error) {
	report.phase("downloading the sources of", 0)
	list := goTool(ctx, c.dir, "list", "-deps", "-tags="+c.tags, "-f", "{{.ImportPath}}", c.pkg)
	var names strings.Builder
	list.Stdout = &names
	stderr, err := list.StderrPipe()
	if err != nil {
		return 0, err
	}
	if err := list.Start(); err != nil {
		return 0, fmt.Errorf("listing the packages of %s: %w", c.what, err)
	}
	lastLines := report.count(stderr)
	if err := list.Wait(); err != nil {
		return 0, fmt.Errorf("listing the packages of %s: %w\n%s", c.what, err, lastLines)
	}
	return strings.Count(names.String(), "\n"), nil
}

// A report tells people now and then how far a compilation is. It says nothing of one that is over before the first time.
type progressReport struct {
	out   io.Writer
	job   compilation
	began time.Time
	done  chan struct{}
	ended sync.WaitGroup

	mu        sync.Mutex // guards what follows
	phaseName string
	seen      int
	total     int
}

func newReport(out io.Writer, job compilation) *progressReport {
	r := &progressReport{out: out, job: job, began: time.Now(), done: make(chan struct{})}
	if job.minutes > 0 {
		fmt.Fprintf(out, "compiling %s: the first build takes about %d min, later starts take seconds\n", job.what, job.minutes)
	}
	r.ended.Go(func() {
		tick := time.NewTicker(reportInterval)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				fmt.Fprintln(r.out, r)
			case <-r.done:
				return
			}
		}
	})
	return r
}

func (r *progressReport) stop() {
	close(r.done)
	r.ended.Wait()
	if r.job.minutes > 0 {
		fmt.Fprintf(r.out, "done with %s after %s\n", r.job.what, r.elapsed())
	}
}

func (r *progressReport) elapsed() time.Duration { return time.Since(r.began).Round(time.Second) }

func (r *progressReport) phase(doing string, total int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.phaseName, r.seen, r.total = doing, 0, total
}

// count takes each line of go's output for a package or a module that is finished, and returns the last lines, in which
// the words of an error are.
func (r *progressReport) count(output io.Reader) string {
	var last []string
	scanner := bufio.NewScanner(output)
	for scanner.Scan() {
		r.mu.Lock()
		r.seen++
		r.mu.Unlock()
		last = append(last[max(0, len(last)-19):], scanner.Text())
	}
	return strings.Join(last, "\n")
}

// String is "compiling the real vault: 640 of at most 1540 packages, 2m10s". Go does not count what it finds in its cache.
func (r *progressReport) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.total == 0 {
		return fmt.Sprintf("%s %s: %d modules, %s", r.phaseName, r.job.what, r.seen, r.elapsed())
	}
	return fmt.Sprintf("%s %s: %d of at most %d packages, %s", r.phaseName, r.job.what, r.seen, r.total, r.elapsed())
}
