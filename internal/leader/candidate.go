package leader

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// ErrLost says that another process holds the lease that this one held.
var ErrLost = errors.New("the lease is another's")

// Candidate is one process in the election. It is safe for concurrent use.
type Candidate struct {
	election election // the campaign's, and after it the release's
	failed   func()
	logger   *slog.Logger

	elected, lost chan struct{} // each is closed once

	mu      sync.Mutex // guards what follows, and the closing of the channels
	seen    string     // who holds the lease, as it is stored; empty before, and where nobody does
	holder  string     // the same as it may be shown
	failing bool       // the last attempt failed
}

// New returns a candidate for a lease. Its identity must be its own, also after a
// restart. failed is called for every attempt to take or renew the lease that
// failed.
func New(client *Client, namespace, name, identity string, failed func(), logger *slog.Logger) *Candidate {
	return &Candidate{
		election: election{client: client, namespace: namespace, name: name, identity: identity},
		failed:   failed, logger: logger.With("lease", namespace+"/"+name),
		elected: make(chan struct{}), lost: make(chan struct{}),
	}
}

// Run takes part in the election until the context ends. Once elected it calls
// work, with a context that ends with Run's or when another holder was seen. The
// lease is renewed until work has returned, and then released. The error is
// [ErrLost], or nil.
func (c *Candidate) Run(ctx context.Context, work func(context.Context)) error {
	// The lease is held for longer than the context: work has to end first.
	campaigning, retire := context.WithCancel(context.WithoutCancel(ctx))
	defer retire()
	var campaign sync.WaitGroup
	campaign.Go(func() { c.campaign(campaigning) })

	select {
	case <-c.elected:
		c.lead(ctx, work)
	case <-ctx.Done():
	}
	retire()
	campaign.Wait()
	if closed(c.lost) {
		return ErrLost
	}
	if closed(c.elected) {
		c.release()
	}
	return nil
}

func (c *Candidate) lead(ctx context.Context, work func(context.Context)) {
	working, end := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() {
		select {
		case <-c.lost:
			end()
		case <-working.Done():
		}
	})
	work(working)
	end()
	watch.Wait()
}

// campaign tries to take and renew the lease until the context ends or the lease is
// lost.
func (c *Candidate) campaign(ctx context.Context) {
	for !closed(c.lost) {
		holder, err := c.election.attempt(ctx)
		switch {
		case err == nil:
			c.saw(holder)
		case outrun(err): // the next attempt sees by whom
		case ctx.Err() == nil:
			c.fail(err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(retryPeriod):
		}
	}
}

// saw takes in who holds the lease.
func (c *Candidate) saw(holder string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failing {
		c.failing = false
		c.logger.Info("The lease answers again")
	}
	if holder == c.seen {
		return
	}
	shown := c.election.client.shown(holder)
	c.seen, c.holder = holder, shown
	switch {
	case holder == c.election.identity:
		if !closed(c.elected) {
			c.logger.Info("Elected leader", "identity", holder)
			close(c.elected)
		}
	case holder == "":
	case !closed(c.elected):
		c.logger.Info("Standing by", "holder", shown)
	case !closed(c.lost):
		c.logger.Error("Another holds the lease, ending", "holder", shown)
		close(c.lost)
	}
}

// fail takes in an attempt that failed. The first of several is logged.
func (c *Candidate) fail(err error) {
	c.failed()
	c.mu.Lock()
	defer c.mu.Unlock()
	level := slog.LevelWarn
	if c.failing {
		level = slog.LevelDebug
	}
	c.failing = true
	message := "The lease cannot be had, standing by"
	if closed(c.elected) {
		message = "The lease cannot be renewed, going on until another holds it"
	}
	c.logger.Log(context.Background(), level, message, "err", c.election.client.describe(err))
}

func (c *Candidate) release() {
	switch released, err := c.election.release(context.Background()); {
	case err != nil:
		c.failed()
		c.logger.Warn("The lease was not released, it expires by itself", "err", c.election.client.describe(err))
	case released:
		c.logger.Info("The lease was released")
	}
}

// Leads reports whether this process was elected, and has seen no other holder
// since.
func (c *Candidate) Leads() bool { return closed(c.elected) && !closed(c.lost) }

// Holder returns who holds the lease, as last seen and fit to be shown; empty before, and where nobody
// does.
func (c *Candidate) Holder() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.holder
}

// StandsBy reports whether the lease was read, and is another's.
func (c *Candidate) StandsBy() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !closed(c.elected) && c.holder != ""
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
