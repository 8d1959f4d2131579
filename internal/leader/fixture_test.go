package leader

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const leasesPath = "/apis/coordination.k8s.io/v1/namespaces/monitoring/leases"

var leases = schema.GroupResource{Group: "coordination.k8s.io", Resource: "leases"}

// cluster keeps one Lease, with the API server's optimistic locking.
type cluster struct {
	mu        sync.Mutex // guards what follows
	lease     *coordinationv1.Lease
	version   int
	conflicts int
}

func (c *cluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	lease, refusal := c.serve(r)
	w.Header().Set("Content-Type", "application/json")
	if refusal == nil {
		_ = json.NewEncoder(w).Encode(lease)
		return
	}
	refuse(w, refusal)
}

func refuse(w http.ResponseWriter, refusal *apierrors.StatusError) {
	status := refusal.Status()
	status.Kind, status.APIVersion = "Status", "v1"
	w.WriteHeader(int(status.Code))
	_ = json.NewEncoder(w).Encode(status)
}

func (c *cluster) serve(r *http.Request) (*coordinationv1.Lease, *apierrors.StatusError) {
	var sent coordinationv1.Lease
	if r.Method != http.MethodGet && json.NewDecoder(r.Body).Decode(&sent) != nil {
		return nil, apierrors.NewBadRequest("not JSON")
	}
	switch {
	case r.Method == http.MethodPost && r.URL.Path == leasesPath:
		if c.lease != nil {
			c.conflicts++
			return nil, apierrors.NewAlreadyExists(leases, "exporter")
		}
		return c.keep(&sent), nil
	case r.Method == http.MethodGet && r.URL.Path == leasesPath+"/exporter":
		if c.lease == nil {
			return nil, apierrors.NewNotFound(leases, "exporter")
		}
		return c.lease, nil
	case r.Method == http.MethodPut && r.URL.Path == leasesPath+"/exporter":
		if c.lease == nil || c.lease.ResourceVersion != sent.ResourceVersion {
			c.conflicts++
			return nil, apierrors.NewConflict(leases, "exporter", errors.New("modified"))
		}
		return c.keep(&sent), nil
	default:
		return nil, apierrors.NewMethodNotSupported(leases, r.Method+" "+r.URL.Path)
	}
}

// keep stores a Lease; one that changes nothing keeps its version, as in etcd.
func (c *cluster) keep(lease *coordinationv1.Lease) *coordinationv1.Lease {
	if c.lease == nil || !reflect.DeepEqual(lease, c.lease) {
		c.version++
		c.lease = lease.DeepCopy()
		c.lease.ResourceVersion = strconv.Itoa(c.version)
	}
	return c.lease
}

// edit changes the Lease by another's hand.
func (c *cluster) edit(change func(*coordinationv1.Lease)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	lease := c.lease.DeepCopy()
	change(lease)
	c.keep(lease)
}

func (c *cluster) remove() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lease = nil
}

// writes counts how often the Lease was written.
func (c *cluster) writes() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.version
}

// refusals counts the writes of a Lease that another had written first.
func (c *cluster) refusals() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.conflicts
}

func (c *cluster) spec() coordinationv1.LeaseSpec {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lease == nil {
		return coordinationv1.LeaseSpec{}
	}
	return *c.lease.Spec.DeepCopy()
}

func (c *cluster) holder() string {
	if holder := c.spec().HolderIdentity; holder != nil {
		return *holder
	}
	return ""
}

// connection is one process's connection to the cluster, which can be broken, and
// that process's clock.
type connection struct {
	cluster *cluster
	latency time.Duration
	skew    time.Duration // how far the process's clock is ahead of the cluster's

	mu       sync.Mutex // guards what follows
	down     func(*http.Request) (*http.Response, error)
	requests int
}

// breakBy has down answer requests; the cluster answers where it returns nothing.
func (c *connection) breakBy(down func(*http.Request) (*http.Response, error)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.down = down
}

func (c *connection) sent() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.requests
}

func (c *connection) RoundTrip(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	down := c.down
	c.requests++
	c.mu.Unlock()
	if down != nil {
		response, err := down(r)
		if response != nil || err != nil {
			return response, err
		}
	}
	select {
	case <-time.After(c.latency):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	return c.serve(c.skewed(r)), nil
}

func (c *connection) serve(r *http.Request) *http.Response {
	recorder := httptest.NewRecorder()
	c.cluster.ServeHTTP(recorder, r)
	return recorder.Result()
}

// skewed is a request with its times as the process's own clock would have them.
func (c *connection) skewed(r *http.Request) *http.Request {
	if c.skew == 0 || r.Method == http.MethodGet {
		return r
	}
	var lease coordinationv1.Lease
	if err := json.NewDecoder(r.Body).Decode(&lease); err != nil {
		panic(err)
	}
	if lease.Spec.RenewTime != nil {
		lease.Spec.RenewTime = new(metav1.NewMicroTime(time.Now().Add(c.skew)))
	}
	body, err := json.Marshal(lease)
	if err != nil {
		panic(err)
	}
	return httptest.NewRequest(r.Method, r.URL.String(), bytes.NewReader(body))
}

func refused(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") }

func hangs(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// unavailable asks for a retry, which client-go would make unless told not to.
func unavailable(*http.Request) (*http.Response, error) {
	recorder := httptest.NewRecorder()
	recorder.Header().Set("Content-Type", "application/json")
	recorder.Header().Set("Retry-After", "1")
	refuse(recorder, apierrors.NewServiceUnavailable("overloaded"))
	return recorder.Result(), nil
}

// readOnly forbids to write.
func readOnly(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodGet {
		return nil, nil
	}
	recorder := httptest.NewRecorder()
	recorder.Header().Set("Content-Type", "application/json")
	refuse(recorder, apierrors.NewForbidden(leases, "exporter", errors.New("no rule allows it")))
	return recorder.Result(), nil
}

// replica is a process that works while it leads.
type replica struct {
	*Candidate
	connection *connection
	log        *bytes.Buffer
	stop       context.CancelFunc
	ended      chan error
	ending     time.Duration // how long its work takes to end

	mu       sync.Mutex // guards what follows
	working  bool
	failures int
}

func (c *cluster) start(t *testing.T, name string, ending time.Duration) *replica {
	t.Helper()
	return (&connection{cluster: c}).start(t, name, ending)
}

// start starts a replica with this connection.
func (c *connection) start(t *testing.T, name string, ending time.Duration) *replica {
	t.Helper()
	client, err := newClient(rest.Config{Host: "http://cluster"}, c)
	if err != nil {
		t.Fatal(err)
	}
	r := &replica{connection: c, log: new(bytes.Buffer), ended: make(chan error, 1), ending: ending}
	failed := func() { r.change(func() { r.failures++ }) }
	r.Candidate = New(client, "monitoring", "exporter", name, failed, slog.New(slog.NewTextHandler(r.log, nil)))
	var ctx context.Context
	ctx, r.stop = context.WithCancel(t.Context())
	t.Cleanup(r.stop)
	go func() { r.ended <- r.Run(ctx, r.work) }()
	return r
}

func (r *replica) work(ctx context.Context) {
	r.change(func() { r.working = true })
	<-ctx.Done()
	time.Sleep(r.ending)
	r.change(func() { r.working = false })
}

func (r *replica) change(do func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	do()
}

func (r *replica) works() (works bool) {
	r.change(func() { works = r.working })
	return works
}

func (r *replica) failed() (failures int) {
	r.change(func() { failures = r.failures })
	return failures
}

// kill ends a process that releases nothing.
func (r *replica) kill() {
	r.connection.breakBy(refused)
	r.stop()
}

// terminate ends a process as SIGTERM does.
func (r *replica) terminate(t *testing.T) {
	t.Helper()
	r.stop()
	if err := <-r.ended; err != nil {
		t.Error(err)
	}
}

// logged holds a process that has ended to what it logged, and how often.
func (r *replica) logged(t *testing.T, want map[string]int) {
	t.Helper()
	for message, times := range want {
		if got := strings.Count(r.log.String(), message); got != times {
			t.Errorf("%q was logged %d times, want %d:\n%s", message, got, times, r.log)
		}
	}
}

// until waits until it holds and returns how long that took.
func until(t *testing.T, limit time.Duration, what string, holds func() bool) time.Duration {
	t.Helper()
	start := time.Now()
	for !holds() {
		if time.Since(start) > limit {
			t.Fatalf("%s: not within %v", what, limit)
		}
		time.Sleep(100 * time.Millisecond) // of fake time
	}
	return time.Since(start)
}

// pair starts a leader and a standby.
func pair(t *testing.T, ending time.Duration) (c *cluster, leader, standby *replica) {
	t.Helper()
	c = new(cluster)
	leader = c.start(t, "first", ending)
	until(t, time.Second, "a leader", leader.works)
	standby = c.start(t, "second", 0)
	until(t, time.Second, "a standby", standby.StandsBy)
	if !leader.Leads() || standby.Leads() || leader.StandsBy() || standby.works() {
		t.Fatal("the roles are not clear")
	}
	return c, leader, standby
}
