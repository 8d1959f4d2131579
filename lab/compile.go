package lab

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// reportInterval is the time between two progress messages of a compilation.
const reportInterval = 10 * time.Second

// A compilation is one run of go build.
type compilation struct {
	what, dir, pkg, target string
	tags, ldflags          string
	modfile                string // replaces the module's go.mod if it is not empty; go adds to it what is missing
	minutes                int    // an estimate for the first build on a small machine; 0 announces nothing
}

// compile writes the target through a temporary file: an interrupted build leaves no incomplete binary.
func (b *builder) compile(ctx context.Context, c compilation) (err error) {
	report := newReport(b.progress, c)
	defer func() { report.stop(err == nil) }()

	total, err := c.packages(ctx, report)
	if err != nil {
		return err
	}
	report.phase("compiling", total)
	temporary := fmt.Sprintf("%s.%d.tmp", c.target, os.Getpid())
	defer os.Remove(temporary)
	build := goTool(ctx, c.dir, slices.Concat([]string{"build"}, c.moduleFlags(), []string{"-v", "-trimpath", "-buildvcs=false", "-tags=" + c.tags, "-ldflags=" + c.ldflags, "-o", temporary, c.pkg})...)
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

func (c compilation) moduleFlags() []string {
	if c.modfile == "" {
		return nil
	}
	return []string{"-mod=mod", "-modfile=" + c.modfile}
}

// packages downloads the sources and counts the packages to compile.
func (c compilation) packages(ctx context.Context, report *progressReport) (int, error) {
	report.phase("downloading the sources of", 0)
	list := goTool(ctx, c.dir, slices.Concat([]string{"list"}, c.moduleFlags(), []string{"-deps", "-tags=" + c.tags, "-f", "{{.ImportPath}}", c.pkg})...)
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

// A progressReport prints a line about a compilation every reportInterval, and thus nothing about one that is over
// sooner.
type progressReport struct {
	out   io.Writer
	job   compilation
	began time.Time
	done  chan struct{}
	ended sync.WaitGroup

	mu        sync.Mutex // guards the fields below
	phaseName string
	seen      int
	total     int
}

func newReport(out io.Writer, job compilation) *progressReport {
	r := &progressReport{out: out, job: job, began: time.Now(), done: make(chan struct{})}
	if job.minutes > 0 {
		fmt.Fprintf(out, "compiling %s: the first build takes about %d min, later starts reuse it\n", job.what, job.minutes)
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

func (r *progressReport) stop(compiled bool) {
	close(r.done)
	r.ended.Wait()
	if r.job.minutes > 0 && compiled {
		fmt.Fprintf(r.out, "compiled %s in %s\n", r.job.what, r.elapsed())
	}
}

func (r *progressReport) elapsed() time.Duration { return time.Since(r.began).Round(time.Second) }

func (r *progressReport) phase(doing string, total int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.phaseName, r.seen, r.total = doing, 0, total
}

// count counts the lines of go's output, one for each finished package or module. It returns the last 20 lines, which
// have the error if there is one.
func (r *progressReport) count(output io.Reader) string {
	var last []string
	scanner := bufio.NewScanner(output)
	for scanner.Scan() {
		r.mu.Lock()
		r.seen++
		r.mu.Unlock()
		last = append(last[max(0, len(last)-19):], scanner.Text())
	}
	_, _ = io.Copy(io.Discard, output) // what follows a line that is too long: else go would wait for it to be read
	return strings.Join(last, "\n")
}

// String is, for example, "compiling the real vault: 640 of at most 1540 packages, 2m10s". It says "at most" because Go
// prints no line for a package that it finds in its build cache.
func (r *progressReport) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.total == 0 {
		return fmt.Sprintf("%s %s: %d modules, %s", r.phaseName, r.job.what, r.seen, r.elapsed())
	}
	return fmt.Sprintf("%s %s: %d of at most %d packages, %s", r.phaseName, r.job.what, r.seen, r.total, r.elapsed())
}
