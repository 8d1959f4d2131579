package probe_test

import (
	"bytes"
	"context"
	"flag"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
)

func TestMain(m *testing.M) {
	flag.Parse()
	// Scenarios mostly wait for timeouts, so run more of them than there are CPUs.
	if fuzzing := flag.Lookup("test.fuzz").Value.String() != ""; !fuzzing {
		if err := flag.Set("test.parallel", "8"); err != nil {
			panic(err)
		}
	}
	goleak.VerifyTestMain(m)
}

const login = "auth/kubernetes/login"

func TestHealthyRunMakesEachRequestOnce(t *testing.T) {
	w := probetest.NewWorld(t)
	_, memory := w.Probe(probe.Memory{})
	kubernetesBefore, vaultBefore := len(w.Kubernetes.Requests()), len(w.Vault.Requests())
	w.Probe(memory)
	kubernetes, vault := w.Kubernetes.Requests()[kubernetesBefore:], w.Vault.Requests()[vaultBefore:]
	slices.Sort(kubernetes)
	slices.Sort(vault)
	if want := []string{"selfsubjectaccessreviews", "selfsubjectreviews", "tokenreviews"}; !slices.Equal(kubernetes, want) {
		t.Errorf("Kubernetes got the requests %q, want %q", kubernetes, want)
	}
	if want := []string{login, "auth/token/revoke-self", "sys/health"}; !slices.Equal(vault, want) {
		t.Errorf("Vault got the requests %q, want %q", vault, want)
	}
}

func TestMountAndPrivilegesAreReadOnEveryTenthRun(t *testing.T) {
	w := probetest.NewWorld(t)
	w.Readable()
	var memory probe.Memory
	var read []int
	for run := range 21 {
		var result probe.Result
		if result, memory = w.Probe(memory); result.Evidence.Mount.At.Equal(result.Evidence.At) {
			read = append(read, run)
		}
		if !result.Evidence.Mount.Config.Ok() || !result.Evidence.Privileges.Ok() || !result.Evidence.Capabilities.Ok() {
			t.Fatalf("run %d: the last config or privileges were not carried over", run)
		}
	}
	if want := []int{0, 10, 20}; !slices.Equal(read, want) {
		t.Errorf("the mount was read on the runs %v, want %v", read, want)
	}
}

// Where the API server does not list the rules of an authorizer, the reviewer is not said to have no more than it needs.
func TestUnlistedPrivilegesAreNotJudged(t *testing.T) {
	for _, webhook := range []bool{false, true} {
		w := probetest.NewWorld(t)
		w.Kubernetes.Change(func(k *probetest.Kubernetes) { k.Webhook = webhook })
		result, _ := w.Probe(probe.Memory{})
		judged := slices.ContainsFunc(result.Warnings, func(w diagnose.Warning) bool { return w.Code == diagnose.ReviewerOverprivileged })
		if judged == webhook {
			t.Errorf("webhook %t: judged %t", webhook, judged)
		}
	}
}

func TestConfigIsCarriedOver(t *testing.T) {
	w := probetest.NewWorld(t)
	w.Readable()
	w.Target.Vault.TokenFile = "" // the config is read with the token of the login, as long as logins work
	w.Vault.Change(func(v *probetest.Vault) { v.Mounts["kubernetes"].CanaryReads = true })
	first, memory := w.Probe(probe.Memory{})
	if first.Evidence.Mount.Accessor == "" {
		t.Error("the mount's accessor was not read")
	}
	w.DropReviewer()
	second, _ := w.Probe(memory)
	if got := second.Diagnosis.Reason; got != diagnose.ReviewerDrift {
		t.Errorf("reason = %s, want %s, from the config of the last run", got, diagnose.ReviewerDrift)
	}
}

func TestAcceptedDiagnosticLoginIsRevoked(t *testing.T) {
	w := probetest.NewWorld(t)
	w.DropReviewer()
	w.Target.Vault.DiagnosticRole = "diagnostic"
	w.OnLogin(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if strings.Contains(string(body), "diagnostic") {
			w.RestoreReviewer()
		}
		r.Body = io.NopCloser(bytes.NewReader(bytes.ReplaceAll(body, []byte("diagnostic"), []byte("canary"))))
		w.Vault.Serve(rw, r)
	})
	w.Probe(probe.Memory{})
	if w.Vault.Issued() == 0 || w.Vault.Live() != 0 {
		t.Errorf("%d tokens were issued and %d are not revoked, want some and 0", w.Vault.Issued(), w.Vault.Live())
	}
}

func TestNothingIsRetried(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"429": probetest.Refuse(429, "rate limit quota exceeded", "Retry-After", "1"),
		"503": probetest.Refuse(503, "Vault is sealed", "Retry-After", "1"),
		"500": probetest.HTML(500),
		"412": probetest.Refuse(412, "required index state not present"),
		"cut": probetest.Close,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := probetest.NewWorld(t)
			w.OnVault("", answer)
			w.OnKubernetes("", answer)
			w.Probe(probe.Memory{})
			if vault := w.Vault.Requests(); len(vault) != 2 {
				t.Errorf("Vault got the requests %q, want health and login once", vault)
			}
			if kubernetes := w.Kubernetes.Requests(); len(kubernetes) != 3 {
				t.Errorf("Kubernetes got the requests %q, want each one once", kubernetes)
			}
		})
	}
}

func TestNoCredentialFollowsARedirect(t *testing.T) {
	w := probetest.NewWorld(t)
	w.OnVault("", probetest.Redirect(307, w.Target.Kubernetes.Host+"/stolen"))
	w.OnKubernetes("tokenreviews", probetest.Redirect(307, w.Target.Vault.Addr+"/v1/stolen"))
	w.Probe(probe.Memory{})
	if requests := slices.Concat(w.Kubernetes.Requests(), w.Vault.Requests()); slices.Contains(requests, "stolen") {
		t.Errorf("a redirect was followed: %q", requests)
	}
}

func TestHangingVaultIsNotMistakenForKubernetes(t *testing.T) {
	w := probetest.NewWorld(t)
	w.Target.Timeout = 3 * time.Second
	w.OnVault("", probetest.Hang)
	result, _ := w.Probe(probe.Memory{})
	if !result.Evidence.Review.Ok() || !result.Evidence.Access.Ok() {
		t.Errorf("review %+v, access %+v: want both answered", result.Evidence.Review.Failure, result.Evidence.Access.Failure)
	}
	if result.Duration > result.Target.LongestRun() {
		t.Errorf("the run took %s, want at most %s", result.Duration, result.Target.LongestRun())
	}
}

func TestTokenIsRevoked(t *testing.T) {
	w := probetest.NewWorld(t)
	w.Probe(probe.Memory{})
	if w.Vault.Issued() != 1 || w.Vault.Live() != 0 {
		t.Errorf("%d tokens were issued and %d are not revoked, want 1 and 0", w.Vault.Issued(), w.Vault.Live())
	}
	if want := []evidence.TokenEvent{evidence.IssuedService, evidence.Revoked}; !slices.Equal(w.TokenEvents(), want) {
		t.Errorf("token events = %q, want %q", w.TokenEvents(), want)
	}
}

func TestTokenIsRevokedAfterPanic(t *testing.T) {
	w := probetest.NewWorld(t)
	w.Panic = true
	w.Probe(probe.Memory{})
	if w.Vault.Issued() != 1 || w.Vault.Live() != 0 {
		t.Errorf("%d tokens were issued and %d are not revoked, want 1 and 0", w.Vault.Issued(), w.Vault.Live())
	}
}

// slowLogin delays the first login at the fake until answer is closed.
func slowLogin(w *probetest.World) (arrived, answer chan struct{}) {
	arrived, answer = make(chan struct{}), make(chan struct{})
	var logins atomic.Int32
	w.OnLogin(func(response http.ResponseWriter, request *http.Request) {
		if logins.Add(1) == 1 {
			body, _ := io.ReadAll(request.Body) // over HTTP/2 the header comes before it: then the login is not sent yet
			request.Body = io.NopCloser(bytes.NewReader(body))
			close(arrived)
			<-answer
		}
		w.Vault.Serve(response, request)
	})
	return arrived, answer
}

func TestLateTokenIsRevoked(t *testing.T) {
	t.Parallel()
	w := probetest.NewWorld(t)
	w.Target.Timeout = 3 * time.Second
	_, answer := slowLogin(w)
	prober := w.Prober()
	result, _ := prober.Probe(t.Context(), w.Target, probe.Memory{})
	if got := result.Diagnosis.Reason; got != diagnose.VaultToKubernetesTimeout {
		t.Errorf("reason = %s, want %s", got, diagnose.VaultToKubernetesTimeout)
	}
	close(answer)
	prober.Wait()
	if w.Vault.Issued() != 1 || w.Vault.Live() != 0 {
		t.Errorf("%d tokens were issued and %d are not revoked, want 1 and 0", w.Vault.Issued(), w.Vault.Live())
	}
	if want := []evidence.TokenEvent{evidence.IssuedService, evidence.Revoked}; !slices.Equal(w.TokenEvents(), want) {
		t.Errorf("token events = %q, want %q", w.TokenEvents(), want)
	}
}

func TestTokenIsRevokedIfProcessEndsDuringLogin(t *testing.T) {
	t.Parallel()
	w := probetest.NewWorld(t)
	arrived, answer := slowLogin(w)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	prober := w.Prober()
	go func() {
		<-arrived
		cancel()
		close(answer)
	}()
	prober.Probe(ctx, w.Target, probe.Memory{})
	prober.Wait()
	if w.Vault.Issued() != 1 || w.Vault.Live() != 0 {
		t.Errorf("%d tokens were issued and %d are not revoked, want 1 and 0", w.Vault.Issued(), w.Vault.Live())
	}
}

// lateWriter is a connection whose other end knows of a login a while before this one knows that it
// is written. Only the hello and a login are long.
type lateWriter struct {
	net.Conn
	writes atomic.Int32
}

func (w *lateWriter) Write(p []byte) (int, error) {
	n, err := w.Conn.Write(p)
	if w.writes.Add(1) > 1 && len(p) > 500 {
		time.Sleep(4500 * time.Millisecond)
	}
	return n, err
}

// A process that is suspended, or gets no CPU, learns late that it has sent a login: the token is
// revoked all the same.
func TestLoginThatIsSentAtTheDeadlineIsRevoked(t *testing.T) {
	for _, over := range []probetest.Protocol{probetest.HTTP1, probetest.HTTP2} {
		t.Run(string(over), func(t *testing.T) {
			t.Parallel()
			w := probetest.NewWorldOver(t, over)
			w.Target.Timeout = 4 * time.Second
			w.OnLogin(func(rw http.ResponseWriter, r *http.Request) {
				time.Sleep(5 * time.Second)
				w.OnLogin(nil)
				w.Vault.ServeHTTP(rw, r)
			})
			w.Network.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				connection, err := new(net.Dialer).DialContext(ctx, network, address)
				return &lateWriter{Conn: connection}, err
			}
			prober := w.Prober()
			prober.Probe(t.Context(), w.Target, probe.Memory{})
			prober.Wait()
			if w.Vault.Issued() != 1 || w.Vault.Live() != 0 {
				t.Errorf("%d tokens were issued and %d are not revoked, want 1 and 0: %q", w.Vault.Issued(), w.Vault.Live(), w.TokenEvents())
			}
		})
	}
}

// deafAfterLogin is a connection to which nothing can be written after a login. Only the hello and a
// login are long.
type deafAfterLogin struct {
	net.Conn
	writes, own atomic.Int32
	logins      *atomic.Int32
}

func (d *deafAfterLogin) Write(p []byte) (int, error) {
	if d.own.Load() > 0 {
		return 0, &net.OpError{Op: "write", Net: "tcp", Err: syscall.EPIPE}
	}
	n, err := d.Conn.Write(p)
	if d.writes.Add(1) > 1 && len(p) > 500 {
		d.own.Add(1)
		d.logins.Add(1)
	}
	return n, err
}

// Over HTTP/2 a connection may fail at the answer to a ping, after a login was sent: it is
// not sent again, and is counted.
func TestLoginIsNotSentTwice(t *testing.T) {
	t.Parallel()
	w := probetest.NewWorld(t)
	w.Target.Vault.Addr = w.ServeFrames(func(f probetest.Frames) {
		f.Requests(func(uint32) { f.Send(probetest.FramePing, 0, 0, "12345678") })
	})
	w.Target.Timeout = 3 * time.Second
	var logins atomic.Int32
	w.Network.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		connection, err := new(net.Dialer).DialContext(ctx, network, address)
		if !strings.HasSuffix(w.Target.Vault.Addr, address) || err != nil {
			return connection, err
		}
		return &deafAfterLogin{Conn: connection, logins: &logins}, nil
	}
	prober := w.Prober()
	result, _ := prober.Probe(t.Context(), w.Target, probe.Memory{})
	prober.Wait()
	if events := w.TokenEvents(); logins.Load() != 1 || !slices.Equal(events, []evidence.TokenEvent{evidence.Unaccounted}) {
		t.Errorf("%d logins were sent, and %q counted, want one of each: %v", logins.Load(), events, result.Evidence.Login.Failure)
	}
}

func TestLoginWithoutResponseIsUnaccounted(t *testing.T) {
	t.Parallel()
	w := probetest.NewWorld(t)
	w.OnLogin(probetest.Hang)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	prober := w.Prober()
	start := time.Now()
	prober.Probe(ctx, w.Target, probe.Memory{})
	prober.Wait()
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("Wait returned after %s, want at most 10 s", took)
	}
	if want := []evidence.TokenEvent{evidence.Unaccounted}; !slices.Equal(w.TokenEvents(), want) {
		t.Errorf("token events = %q, want %q", w.TokenEvents(), want)
	}
}

func TestLoginThatWasNotSentIsNotCounted(t *testing.T) {
	t.Parallel()
	w := probetest.NewWorld(t)
	w.Target.Timeout = 200 * time.Millisecond
	w.Target.Vault.Addr = "https://" + w.Silent()
	prober := w.Prober()
	start := time.Now()
	prober.Probe(t.Context(), w.Target, probe.Memory{})
	prober.Wait()
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("Wait returned after %s, although no login was sent; want at most 5 s", took)
	}
	if events := w.TokenEvents(); len(events) != 0 {
		t.Errorf("token events = %q, want none", events)
	}
}

func countLogins(w *probetest.World) int {
	n := 0
	for _, path := range w.Vault.Requests() {
		if path == login {
			n++
		}
	}
	return n
}

// A run with a turn makes every follow-up, also if it observes the same failure as the last.
func TestFollowUpsAreMadeAgain(t *testing.T) {
	w := probetest.NewWorld(t)
	w.DropReviewer()
	first, memory := w.Probe(probe.Memory{})
	second, _ := w.Probe(memory)
	for name, result := range map[string]probe.Result{"first": first, "second": second} {
		if !slices.Contains(result.FollowUps(), "role_probe") || result.Evidence.FollowUps.RoleProbe.Carried {
			t.Errorf("the %s run made the follow-ups %q, want the role probe among them", name, result.FollowUps())
		}
	}
	if first.Diagnosis.Reason != second.Diagnosis.Reason {
		t.Errorf("the verdict changed from %s to %s", first.Diagnosis.Reason, second.Diagnosis.Reason)
	}
}

// The first run after a fix finds the next cause, whatever was carried over.
func TestFirstRunAfterFixFindsNextCause(t *testing.T) {
	w := probetest.NewWorld(t)
	var mounts map[string]*probetest.Mount
	w.Vault.Change(func(v *probetest.Vault) { mounts, v.Mounts = v.Mounts, map[string]*probetest.Mount{} })
	w.Kubernetes.Change(func(k *probetest.Kubernetes) { clear(k.Grants) })
	first, memory := w.Probe(probe.Memory{})
	w.Vault.Change(func(v *probetest.Vault) { v.Mounts = mounts })
	second, _ := w.Probe(memory)
	if first.Diagnosis.Reason != diagnose.MountMissing || second.Diagnosis.Reason != diagnose.ReviewerForbidden || second.Diagnosis.Certainty != diagnose.Proven {
		t.Errorf("before the fix %s, after it %s (%s), want %s, then %s, proven", first.Diagnosis.Reason, second.Diagnosis.Reason,
			second.Diagnosis.Certainty, diagnose.MountMissing, diagnose.ReviewerForbidden)
	}
}

// What earlier runs saw of the mount must not outlive it: the runs after a change say what
// one without a memory says, and prove no more.
func TestVerdictFollowsEveryChange(t *testing.T) {
	broken := map[string]func(*probetest.World){
		"mount":    func(w *probetest.World) { w.Vault.Change(func(v *probetest.Vault) { clear(v.Mounts) }) },
		"userpass": func(w *probetest.World) { w.Mount(func(m *probetest.Mount) { m.Type = "userpass" }) },
		"reviewer": (*probetest.World).DropReviewer,
		"host":     func(w *probetest.World) { w.Config(func(c *probetest.Config) { c.Host = "https://" + w.Refused() }) },
		"grants":   func(w *probetest.World) { w.Kubernetes.Change(func(k *probetest.Kubernetes) { clear(k.Grants) }) },
		"cidr": func(w *probetest.World) {
			w.Mount(func(m *probetest.Mount) {
				role := m.Roles["canary"]
				role.CIDRs = []string{"10.0.0.0/8"}
				m.Roles = map[string]probetest.Role{"canary": role, "diagnostic": m.Roles["diagnostic"]}
			})
		},
	}
	evidence := map[string]func(*probetest.World){"bare evidence": func(*probetest.World) {}, "all evidence": (*probetest.World).Complete}
	for before, breakFirst := range broken {
		for after, breakThen := range broken {
			if before == after {
				continue
			}
			for name, complete := range evidence {
				t.Run(before+" then "+after+", "+name, func(t *testing.T) { testChange(t, complete, breakFirst, breakThen) })
			}
		}
	}
}

// testChange requires two runs after a change to say what one without a memory says.
func testChange(t *testing.T, complete func(*probetest.World), breakFirst, breakThen func(*probetest.World)) {
	t.Helper()
	t.Parallel()
	w := probetest.NewWorld(t)
	complete(w)
	_, memory := w.Probe(probe.Memory{})
	restore := w.Snapshot()
	breakFirst(w)
	_, memory = w.Probe(memory)
	restore()
	breakThen(w)
	fresh, _ := w.Probe(probe.Memory{})
	for run := range 2 {
		var result probe.Result
		result, memory = w.Probe(memory)
		got, want := result.Diagnosis, fresh.Diagnosis
		if got.Reason != want.Reason || got.Certainty == diagnose.Proven && want.Certainty != diagnose.Proven {
			t.Errorf("run %d after the change: %s, %s (%s), want %s, %s", run, got.Reason, got.Certainty, got.Detail, want.Reason, want.Certainty)
		}
	}
}

func TestNoFollowUpsDuringBackoff(t *testing.T) {
	w := probetest.NewWorld(t)
	w.DropReviewer()
	w.OnLogin(probetest.Answer(429, "application/json", `{"errors":["rate limit quota exceeded"]}`, "Retry-After", "7"))
	result, _ := w.Probe(probe.Memory{})
	if len(result.FollowUps()) != 0 {
		t.Error("a follow-up was made although Vault throttles")
	}
	if got, want := result.Retry(), (probe.Retry{Backoff: true, After: 7 * time.Second}); got != want {
		t.Errorf("retry = %+v, want %+v", got, want)
	}
}

// Follow-ups that Vault answers by itself are made while the API server throttles.
func TestNoFollowUpsAtTheAPIServerDuringBackoff(t *testing.T) {
	w := probetest.NewWorld(t)
	w.Complete()
	w.DropReviewer()
	w.OnKubernetes("", probetest.Answer(429, "text/plain", "Too many requests", "Retry-After", "7"))
	result, _ := w.Probe(probe.Memory{})
	if got, want := result.FollowUps(), []string{"mount_probe", "role_probe", "entity"}; !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))) {
		t.Errorf("follow-ups = %v, want %v", got, want)
	}
	if got, want := result.Retry(), (probe.Retry{Backoff: true, After: 7 * time.Second}); got != want {
		t.Errorf("retry = %+v, want %+v", got, want)
	}
}

func TestSinceChangesWithTheReason(t *testing.T) {
	w := probetest.NewWorld(t)
	first, memory := w.Probe(probe.Memory{})
	second, memory := w.Probe(memory)
	if !first.Since.Equal(first.Start) || !second.Since.Equal(first.Start) {
		t.Errorf("since %s and %s, want both %s", first.Since, second.Since, first.Start)
	}
	w.Vault.Change(func(v *probetest.Vault) { v.Sealed = true })
	third, _ := w.Probe(memory)
	if !third.Since.Equal(third.Start) {
		t.Errorf("since %s, want %s, the run in which the reason changed", third.Since, third.Start)
	}
}

// A run that does not know whether pods can log in is not counted, and does not end the row.
func TestConsecutiveFailures(t *testing.T) {
	w := probetest.NewWorld(t)
	sealed := func(sealed bool) func() {
		return func() { w.Vault.Change(func(v *probetest.Vault) { v.Sealed = sealed }) }
	}
	canary := w.Target.Canary.TokenFile
	unseal, seal := sealed(false), sealed(true)
	var memory probe.Memory
	for i, run := range []struct {
		before func()
		status diagnose.LoginStatus
		want   int
	}{
		{func() {}, diagnose.LoginsWork, 0},
		{seal, diagnose.LoginsFail, 1},
		{func() {}, diagnose.LoginsFail, 2},
		{func() { unseal(); w.Target.Canary.TokenFile = "/missing" }, diagnose.LoginsUnknown, 2},
		{func() { seal(); w.Target.Canary.TokenFile = canary }, diagnose.LoginsFail, 3},
		{unseal, diagnose.LoginsWork, 0},
		{seal, diagnose.LoginsFail, 1},
	} {
		run.before()
		var result probe.Result
		result, memory = w.Probe(memory)
		if result.LoginStatus() != run.status || result.ConsecutiveFailures != run.want {
			t.Errorf("run %d: logins %s, %d failures in a row, want %s and %d", i, result.LoginStatus(), result.ConsecutiveFailures, run.status, run.want)
		}
	}
}

func TestRotatedFilesAreReadAgain(t *testing.T) {
	w := probetest.NewWorld(t)
	prober := w.Prober()
	stale := w.Reviewer
	stale.UID = "of-yesterday"
	good := w.Target.Reviewer.TokenFile
	w.SetReviewer(stale)
	result, memory := prober.Probe(t.Context(), w.Target, probe.Memory{})
	if result.Diagnosis.Reviewer.Reason != diagnose.ReviewerUnauthorized {
		t.Fatalf("reviewer's reason = %s, want %s", result.Diagnosis.Reviewer.Reason, diagnose.ReviewerUnauthorized)
	}
	probetest.Swap(t, good, w.Target.Reviewer.TokenFile)
	result, _ = prober.Probe(t.Context(), w.Target, memory)
	if result.Diagnosis.Reviewer.Reason != diagnose.None {
		t.Errorf("reviewer's reason = %s after the file was swapped", result.Diagnosis.Reviewer.Reason)
	}
}
