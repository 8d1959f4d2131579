package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/net/html"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/config"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/status"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
)

// FuzzRender renders a run with arbitrary evidence in every format, and reads each as its readers do.
// The bytes choose the evidence, and text is what a server may say. Texts of servers are cleaned before
// they become evidence; without that, only what people read on a terminal is allowed to differ.
func FuzzRender(f *testing.F) {
	random := rand.New(rand.NewPCG(3, 4))
	for i := range 32 {
		chosen := make([]byte, 24*i)
		for j := range chosen {
			chosen[j] = byte(random.Uint32())
		}
		f.Add(chosen, "</code><script>alert(1)</script>\n# TYPE marked gauge\nmarked 1", i%4 > 0)
	}
	f.Add([]byte{}, "\x1b]0;title\x07\u202e\xff\" onload=\"x", true)
	r := newRendering(f)
	f.Fuzz(func(t *testing.T, chosen []byte, text string, cleaned bool) {
		a := &probetest.Arbitrary{Bytes: chosen, Texts: []string{text}}
		if cleaned {
			a.Clean = evidence.Clean
		}
		result := a.Result()
		result.Start, result.Since = time.Now(), time.Now() // what is older is not shown
		if cleaned {
			checkTerminal(t, result)
		}
		checkDocuments(t, result)
		r.checkServed(t, result)
	})
}

// checkTerminal checks the report for people, plain and colored.
func checkTerminal(t *testing.T, result probe.Result) {
	t.Helper()
	for _, l := range []layout{{}, {colored: true, screen: 50}} {
		for _, results := range [][]probe.Result{{result}, {result, result}} {
			var out bytes.Buffer
			if err := writeColored(&out, l, status.Links{}, everything, results); err != nil {
				t.Error(err)
			}
			text := out.String()
			if l.colored {
				text = escapeSequence.ReplaceAllString(text, "")
			}
			if i := strings.IndexFunc(text, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }); i >= 0 {
				t.Errorf("the report holds %q", text[max(0, i-40):min(len(text), i+40)])
			}
			if !utf8.ValidString(text) || len(text) > 1<<20 {
				t.Errorf("the report has %d bytes, valid: %t", len(text), utf8.ValidString(text))
			}
		}
	}
}

// checkDocuments checks the reports for programs.
func checkDocuments(t *testing.T, result probe.Result) {
	t.Helper()
	write := func(report func(io.Writer, []probe.Result) error) []byte {
		var out bytes.Buffer
		if err := report(&out, []probe.Result{result}); err != nil {
			t.Error(err)
		}
		return out.Bytes()
	}
	decoder := json.NewDecoder(bytes.NewReader(write(status.Links{}.WriteReport)))
	decoder.DisallowUnknownFields()
	var report status.Report
	if err := decoder.Decode(&report); err != nil || len(report.Targets) != 1 || len(report.Targets[0].Steps) != len(result.Evidence.Steps()) {
		t.Errorf("the JSON report: %v, %+v", err, report)
	}
	document := xml.NewDecoder(bytes.NewReader(write(junitReport(status.Links{}))))
	for err := error(nil); err != io.EOF; {
		if _, err = document.Token(); err != nil && err != io.EOF {
			t.Fatalf("the JUnit report: %v", err)
		}
	}
	checkExposition(t, write(writeExposition(nil)))
}

func checkExposition(t *testing.T, text []byte) {
	t.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil || len(families) == 0 {
		t.Errorf("the exposition: %v\n%s", err, text)
	}
	for name := range families {
		if !strings.HasPrefix(name, "vault_k8s_auth_") && !strings.HasPrefix(name, "go_") && !strings.HasPrefix(name, "process_") && !strings.HasPrefix(name, "promhttp_") {
			t.Errorf("the exposition has the metric %s", name)
		}
	}
	problems, err := promlint.New(bytes.NewReader(text)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("the exposition: %v, %v", problems, err)
	}
}

// rendering is an exporter that shows the runs that it is given, and what it serves and logs is read
// with.
type rendering struct {
	*exporter
	routes           http.Handler
	log              *bytes.Buffer
	status, incident *jsonschema.Schema
	elements         map[string]bool // that the templates have
}

func newRendering(f *testing.F) *rendering {
	f.Helper()
	log := new(bytes.Buffer)
	debug := &slog.HandlerOptions{Level: slog.LevelDebug}
	logger := slog.New(slog.NewMultiHandler(slog.NewTextHandler(log, debug), slog.NewJSONHandler(log, debug)))
	e, err := newExporter(config.Config{Targets: []evidence.Target{new(probetest.Arbitrary).Target()}}, site{page: true}, logger)
	if err != nil {
		f.Fatal(err)
	}
	e.takeOver()
	compile := func(part string) *jsonschema.Schema {
		compiler := jsonschema.NewCompiler()
		compiler.AssertFormat()
		schema, err := compiler.Compile("../../docs/status.schema.json" + part)
		if err != nil {
			f.Fatal(err)
		}
		return schema
	}
	return &rendering{e, e.publicHandler(), log, compile(""), compile("#/$defs/incidents"), templateElements(f)}
}

var startTag = regexp.MustCompile(`<([a-z][a-z0-9]*)`)

// templateElements lists the elements in the templates of the page, and those that Markdown becomes.
func templateElements(f *testing.F) map[string]bool {
	f.Helper()
	elements := map[string]bool{}
	for _, name := range strings.Fields("h2 h3 p a ul ol li code pre em strong table thead tbody tr th td") {
		elements[name] = true
	}
	for _, name := range []string{"page", "past", "workloads"} {
		text, err := os.ReadFile("../../internal/status/" + name + ".html")
		if err != nil {
			f.Fatal(err)
		}
		for _, match := range startTag.FindAllStringSubmatch(string(text), -1) {
			elements[match[1]] = true
		}
	}
	return elements
}

// checkServed publishes a run, and checks the pages, the API, the metrics and the log.
func (r *rendering) checkServed(t *testing.T, result probe.Result) {
	t.Helper()
	r.recorder.SetTargets([]evidence.Target{result.Target})
	r.incidents.setTargets([]evidence.Target{result.Target})
	r.log.Reset()
	r.publish(&result)
	checkLog(t, r.log.String())
	get := func(path string) []byte {
		recorder := httptest.NewRecorder()
		r.routes.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, path, nil))
		if recorder.Code != http.StatusOK || !utf8.Valid(recorder.Body.Bytes()) {
			t.Errorf("%s = %d, valid: %t", path, recorder.Code, utf8.Valid(recorder.Body.Bytes()))
		}
		return recorder.Body.Bytes()
	}
	for path, schema := range map[string]*jsonschema.Schema{"/api/v1/status": r.status, "/api/v1/incidents": r.incident} {
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(get(path)))
		if err = errors.Join(err, schema.Validate(document)); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	checkExposition(t, get("/metrics"))
	pages := []string{"/", "/targets/default"}
	if !result.Healthy() {
		pages = append(pages, "/runbooks/"+string(result.Diagnosis.Reason)+"?target=default")
	}
	for _, path := range pages {
		r.checkPage(t, path, get(path))
	}
}

// ownLink matches the links of the page.
var ownLink = regexp.MustCompile(`^(?:[/?#]|data:,|https://github\.com/|https://developer\.hashicorp\.com/|https://kubernetes\.io/|https://openbao\.org/)`)

// checkPage checks that no text became an element, a script, a handler or a link.
func (r *rendering) checkPage(t *testing.T, path string, page []byte) {
	t.Helper()
	for tokens := html.NewTokenizer(bytes.NewReader(page)); ; {
		switch kind := tokens.Next(); kind {
		case html.ErrorToken:
			if tokens.Err() != io.EOF {
				t.Errorf("%s: %v", path, tokens.Err())
			}
			return
		case html.StartTagToken, html.SelfClosingTagToken:
			token := tokens.Token()
			if !r.elements[token.Data] {
				t.Errorf("%s has the element %s", path, token)
			}
			for _, a := range token.Attr {
				isURL := slices.Contains([]string{"href", "src", "action"}, a.Key)
				if strings.HasPrefix(a.Key, "on") || a.Key == "style" || isURL && !ownLink.MatchString(a.Val) {
					t.Errorf("%s has the element %s", path, token)
				}
			}
		}
	}
}

// logAttribute matches one attribute of a line in logfmt.
var logAttribute = regexp.MustCompile(`^([A-Za-z_]+)=("(?:[^"\\]|\\.)*"|[^\s"=]*)(?: |$)`)

// checkLog checks that each line is a record in JSON or logfmt.
func checkLog(t *testing.T, text string) {
	t.Helper()
	if !utf8.ValidString(text) || text != "" && !strings.HasSuffix(text, "\n") {
		t.Errorf("the log is %q", text)
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "{") {
			if !json.Valid([]byte(line)) {
				t.Errorf("the log has the line %s", line)
			}
			continue
		}
		for rest := line; rest != ""; {
			match := logAttribute.FindStringSubmatch(rest)
			if match == nil {
				t.Errorf("the log has the line %s, of which %s is no attribute", line, rest)
				break
			}
			if value := match[2]; strings.HasPrefix(value, `"`) {
				if _, err := strconv.Unquote(value); err != nil {
					t.Errorf("the log has the value %s: %v", value, err)
				}
			}
			rest = rest[len(match[0]):]
		}
	}
}
