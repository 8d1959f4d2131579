package gather

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/redact"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// planted is the credential of the requests. It replaces each § in a server's answer.
const planted = "hvs.CAESIJ0hTq8dWnYx3Lk2mVbQzR5sPfGc7oUe9aKi4DtXwZyBGh4KHGh2cy5BbHJ0"

// answering is a network on which every server sends this text, byte for byte, to each request
// and then closes the connection.
func answering(answer string) Network {
	return Network{Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go func() {
			defer server.Close()
			request, err := http.ReadRequest(bufio.NewReader(server))
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, request.Body)
			_, _ = io.WriteString(server, strings.ReplaceAll(answer, "§", planted))
		}()
		return client, nil
	}}
}

// response is an answer of HTTP/1.1 that ends with the connection.
func response(status, header, body string) string {
	return "HTTP/1.1 " + status + "\r\n" + header + "\r\n" + body
}

// addSeeds adds answers to every question: those with these bodies, and what no server should send.
func addSeeds(f *testing.F, questions int, bodies ...string) {
	const isJSON = "Content-Type: application/json\r\n"
	answers := []string{
		"", "\x00", "HTTP/1.1 200", "HTTP/2 200 OK\r\n\r\n", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: §\r\nConnection: Upgrade\r\n\r\n",
		response("200 §", "Content-Length: 9\r\n", "§"), response("204 No Content", "", ""), response("302 Found", "Location: https://user:§@§/§?§\r\n", ""),
		response("429 Too Many Requests", "Retry-After: 9999999999\r\n", "Too many requests, please try again later."),
		response("503 Service Unavailable", "Retry-After: Fri, 31 Dec 9999 23:59:59 GMT\r\nContent-Type: text/html; §\r\n", "<html>§"),
		response("200 OK", "Transfer-Encoding: chunked\r\n"+isJSON, "2\r\n{}\r\nfffffffff\r\n§"), response("200 OK", "Content-Encoding: gzip\r\n"+isJSON, "\x1f\x8b§"),
		response("407 §", "Proxy-Authenticate: Basic realm=\"§\"\r\n", ""),
	}
	for _, status := range []string{"200 OK", "201 Created", "221 §", "403 Forbidden", "500 Internal Server Error"} {
		for _, body := range bodies {
			answers = append(answers, response(status, isJSON, body))
		}
	}
	for i, answer := range answers {
		f.Add(uint8(i%questions), answer)
	}
	for i := range questions {
		for _, body := range bodies {
			f.Add(uint8(i), response("200 OK", isJSON, body))
		}
	}
}

// FuzzVaultAnswer checks what becomes of any bytes that answer a question to Vault.
func FuzzVaultAnswer(f *testing.F) {
	log.SetOutput(io.Discard) // net/http logs what nobody asked for
	f.Cleanup(func() { log.SetOutput(os.Stderr) })
	token := evidence.NewSecret(planted)
	questions := []func(context.Context, *vaultServer) (any, error){
		func(ctx context.Context, v *vaultServer) (any, error) {
			health, err := v.health(ctx)
			health.Skew = 0 // depends on the clock
			return health, err
		},
		func(ctx context.Context, v *vaultServer) (any, error) {
			ctx, x := newRequestTrace(ctx)
			answer, err := v.loginFollowing(ctx, x, "canary", planted, func() bool { return true })
			if (err == nil) == answer.token.IsZero() && x.status == http.StatusOK {
				return nil, fmt.Errorf("the login has the error %v and the token %v", err, answer.token)
			}
			return answer.Login, err
		},
		func(ctx context.Context, v *vaultServer) (any, error) { return nil, v.revoke(ctx, token) },
		func(ctx context.Context, v *vaultServer) (any, error) { return v.readConfig(ctx, token) },
		func(ctx context.Context, v *vaultServer) (any, error) { return v.readRole(ctx, token) },
		func(ctx context.Context, v *vaultServer) (any, error) {
			kind, accessor, err := v.readMountInfo(ctx, token)
			return []string{kind, accessor}, err
		},
		func(ctx context.Context, v *vaultServer) (any, error) {
			return v.readEntity(ctx, token, "alias", "accessor")
		},
		func(ctx context.Context, v *vaultServer) (any, error) { return v.help(ctx, "auth/kubernetes/login/x") },
		func(ctx context.Context, v *vaultServer) (any, error) {
			return v.capabilities(ctx, token, []string{"sys/seal"})
		},
	}
	addSeeds(f, len(questions),
		`{"errors":["permission denied: §"]}`, `{"errors":[]}`, `{"errors":null,"auth":null}`, `{"initialized":true,"version":"§","server_time_utc":1764180000}`,
		`{"initialized":true,"server_time_utc":9223372036854775807,"version":"1.21.4","standby":true,"ha_connection_healthy":false}`,
		`{"auth":{"client_token":"hvs.issued","accessor":"§","token_type":"service","lease_duration":60}}`, `{"auth":{"client_token":"b.issued","lease_duration":1e99}}`,
		`{"auth":{"mfa_requirement":{},"client_token":""}}`, `{"auth":{"client_token":[],"token_type":7}}`, `{"auth":{"client_token":"§`,
		`{"data":{"kubernetes_host":"§","kubernetes_ca_cert":"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n§","pem_keys":["§"],"token_reviewer_jwt_set":true}}`,
		`{"data":{"audience":"§","token_bound_cidrs":["\u001b[31m§"],"token_ttl":-1}}`, `{"data":{"type":"§","accessor":"auth_kubernetes_§"}}`, `{"data":{"disabled":true}}`, `{"help":"§"}`,
		`{"data":{"sys/seal":["§","deny","\u001b[31m§"]}}`, `{"data":{"sys/seal":[]}}`,
		`{"data":{}}`, `{"data":[]}`, `[`, `null`, `"§"`)
	f.Fuzz(func(t *testing.T, question uint8, answer string) {
		checkAnswer(t, answer, func(ctx context.Context) (any, error) {
			v, err := newVaultServer(evidence.Vault{Addr: "http://127.0.0.1:8200", Mount: "kubernetes", Role: "canary"}, "test", answering(answer))
			if err != nil {
				t.Fatal(err)
			}
			defer v.endpoint.close()
			return questions[int(question)%len(questions)](ctx, v)
		})
	})
}

// FuzzKubernetesAnswer checks what becomes of any bytes that answer a question to the API server.
func FuzzKubernetesAnswer(f *testing.F) {
	log.SetOutput(io.Discard)
	f.Cleanup(func() { log.SetOutput(os.Stderr) })
	server := evidence.Kubernetes{Host: "http://127.0.0.1:6443", TokenFile: filepath.Join(f.TempDir(), "token")}
	if err := os.WriteFile(server.TokenFile, []byte(planted), 0o600); err != nil {
		f.Fatal(err)
	}
	canary := evidence.NewSecret(planted)
	questions := []func(context.Context, caller) (any, error){
		func(ctx context.Context, c caller) (any, error) { return c.review(ctx, canary, []string{"vault"}) },
		func(ctx context.Context, c caller) (any, error) { return c.identity(ctx) },
		func(ctx context.Context, c caller) (any, error) { return c.access(ctx) },
		func(ctx context.Context, c caller) (any, error) {
			return c.accessOfOther(ctx, "system:serviceaccount:a:b")
		},
		func(ctx context.Context, c caller) (any, error) { return c.privileges(ctx, "monitoring") },
		func(ctx context.Context, c caller) (any, error) {
			return c.mint(ctx, evidence.ServiceAccount{Namespace: "monitoring", Name: "canary"}, nil)
		},
		nil, // the Secret
	}
	addSeeds(f, len(questions),
		`{"kind":"TokenReview","apiVersion":"authentication.k8s.io/v1","status":{"authenticated":true,"audiences":["§"],"user":{"username":"§","uid":"\u0000§"}}}`,
		`{"kind":"TokenReview","apiVersion":"authentication.k8s.io/v1","status":{"error":"[invalid bearer token, §]"}}`,
		`{"kind":"SelfSubjectReview","apiVersion":"authentication.k8s.io/v1","status":{"userInfo":{"username":"§\n"}}}`,
		`{"kind":"SelfSubjectAccessReview","apiVersion":"authorization.k8s.io/v1","status":{"allowed":false,"reason":"§","evaluationError":"§ not found"}}`,
		`{"kind":"SubjectAccessReview","apiVersion":"authorization.k8s.io/v1","status":{"allowed":true,"denied":true}}`,
		`{"kind":"SelfSubjectRulesReview","apiVersion":"authorization.k8s.io/v1","status":{"incomplete":true,"evaluationError":"§","resourceRules":[{"verbs":["§","*"],"apiGroups":[""],"resources":["secrets/§"],"resourceNames":["§"]}],"nonResourceRules":[{"verbs":["get"],"nonResourceURLs":["/§"]}]}}`,
		`{"kind":"SelfSubjectRulesReview","apiVersion":"authorization.k8s.io/v1","status":{"incomplete":false,"resourceRules":[{"verbs":["§"],"apiGroups":["","\u0000§"],"resources":["§/exec"]}]}}`,
		`{"kind":"SelfSubjectRulesReview","apiVersion":"authorization.k8s.io/v1","status":null}`,
		`{"kind":"TokenRequest","apiVersion":"authentication.k8s.io/v1","status":{"token":"eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzeXN0ZW0ifQ.c2ln"}}`,
		`{"kind":"TokenRequest","apiVersion":"authentication.k8s.io/v1","status":{"token":"a\nb"}}`,
		`{"kind":"Secret","apiVersion":"v1","data":{"token":"aHZzLkNBRVNJSg=="}}`, `{"kind":"Secret","apiVersion":"v1","data":{"token":"§"}}`,
		`{"kind":"Status","apiVersion":"v1","status":"Failure","message":"x is forbidden: User \"§\" cannot §","reason":"Forbidden","code":403}`,
		`{"kind":"Status","apiVersion":"v1","status":"Failure","message":"secrets \"reviewer\" not found","reason":"NotFound","details":{"retryAfterSeconds":-5},"code":404}`,
		`{"kind":"Status","apiVersion":"v1","status":"Failure","code":403}`, `{"kind":"Status","status":"Success"}`, `{"kind":"List","items":[{}]}`, `{"kind":7}`, `[`, `null`)
	f.Fuzz(func(t *testing.T, question uint8, answer string) {
		checkAnswer(t, answer, func(ctx context.Context) (any, error) {
			network := answering(answer)
			ask := questions[int(question)%len(questions)]
			if ask == nil {
				r := &run{gatherer: New("test", nil).Over(network), target: &evidence.Target{Home: server}, evidence: new(evidence.Evidence), redactor: redactorOf(ctx)}
				return r.tokenFromSecret(ctx, evidence.SecretKey{Namespace: "monitoring", Name: "reviewer", Key: "token"})
			}
			k, err := newKubernetesServer(server, "test", network)
			if err != nil {
				t.Fatal(err)
			}
			defer k.endpoint.close()
			client, err := k.as(evidence.NewSecret(planted))
			if err != nil {
				t.Fatal(err)
			}
			return ask(ctx, client)
		})
	})
}

// checkAnswer asks a question twice. The outcome is the same, and is either evidence or a Failure
// of a known class; both can be printed and hold no credential.
func checkAnswer(t *testing.T, answer string, ask func(context.Context) (any, error)) {
	t.Helper()
	outcome := func() (any, evidence.Failure) {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		ctx, redactor := withRedactor(ctx)
		redactor.Hold(planted)
		value, err := ask(ctx)
		if err == nil {
			return value, evidence.Failure{}
		}
		f, ok := errors.AsType[evidence.Failure](err)
		if !ok {
			t.Errorf("the error is no Failure: %v", err)
		}
		if f.Class == "" || f.Class == evidence.ClassTimeout || f.RetryAfter < 0 || f.Status < 0 || f.Status > 999 || f.Text == "" && f.Class != evidence.ClassRefused {
			t.Errorf("the failure is %#v of %q", f, answer)
		}
		f.RetryAfter = f.RetryAfter.Truncate(time.Hour) // a date is relative to the clock
		return nil, f
	}
	value, failure := outcome()
	again, failureAgain := outcome()
	if printed(value) != printed(again) || failure != failureAgain {
		t.Errorf("the outcome is %+v %+v, and then %+v %+v", value, failure, again, failureAgain)
	}
	checkClean(t, reflect.ValueOf(value))
	checkClean(t, reflect.ValueOf(failure))
	for _, text := range []string{printed(value), printed(failure), failure.Error()} {
		if strings.Contains(text, planted[8:24]) || strings.Contains(text, planted[20:36]) || strings.Contains(text, planted[40:56]) {
			t.Errorf("the credential of the request is in %s", text)
		}
	}
}

func isUnprintable(r rune) bool { return !unicode.IsPrint(r) }

func printed(value any) string { return fmt.Sprintf("%+v %#v", value, value) }

// checkClean checks that every text is one line of printable characters and bounded. Audiences are
// compared, and PEM has lines.
func checkClean(t *testing.T, v reflect.Value) {
	t.Helper()
	switch v.Kind() {
	case reflect.String:
		text := v.String()
		if len(text) > 2*redact.MaxText || strings.ContainsFunc(text, func(r rune) bool {
			return !unicode.IsPrint(r) || r == unicode.ReplacementChar && strings.ToValidUTF8(text, "") != text
		}) {
			t.Errorf("a text is not clean: %q", text)
		}
	case reflect.Slice:
		for i := range v.Len() {
			checkClean(t, v.Index(i))
		}
	case reflect.Struct:
		for field, value := range v.Fields() {
			if field.Name != "CACert" && field.Name != "PEMKeys" && field.Name != "Audiences" && field.Type != reflect.TypeFor[time.Time]() && field.IsExported() {
				checkClean(t, value)
			}
		}
	case reflect.Interface, reflect.Pointer:
		checkClean(t, v.Elem())
	}
}

// FuzzParseToken checks what becomes of any file and, as the claims of a JWT, of any text.
func FuzzParseToken(f *testing.F) {
	f.Add("eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOjF9.c2ln", `{"aud":["vault"],"exp":1764180000,"iat":1764176400,"iss":"https://kubernetes.default.svc","sub":"system:serviceaccount:monitoring:canary",`+
		`"kubernetes.io":{"namespace":"monitoring","serviceaccount":{"name":"canary","uid":"u"},"pod":{"name":"p","uid":"v"}}}`)
	f.Add("..", `{"exp":1e300,"nbf":-1e300,"iat":9223372036854775807,"aud":"a\nb"}`)
	f.Add("\"eyJh\"", `{"aud":["\u001b[31m",""],"sub":"\u0000","kubernetes.io/serviceaccount/namespace":"vault","kubernetes.io/serviceaccount/secret.name":"s"}`)
	f.Add(" \r\n", `{"aud":7}`)
	f.Add("ZXlKaGJHY2lPaUpTVXpJMU5pSjkuZXlKaGRXUWlPakY5LmMybG4=", `[]`)
	f.Add("hvs.\x00", `{"kubernetes.io":[]}`)
	f.Fuzz(func(t *testing.T, file, claims string) {
		checkToken(t, []byte(file))
		checkToken(t, []byte(segment(map[string]string{"alg": "RS256"})+"."+base64.RawURLEncoding.EncodeToString([]byte(claims))+".c2ln\n"))
	})
}

func checkToken(t *testing.T, content []byte) {
	t.Helper()
	token, err := parseToken(content, "the file")
	again, _ := parseToken(content, "the file")
	if !reflect.DeepEqual(token.Claims, again.Claims) {
		t.Errorf("%q has the claims %+v, and then %+v", content, token.Claims, again.Claims)
	}
	if err != nil {
		f, ok := errors.AsType[evidence.Failure](err)
		if !ok || f.Class != evidence.ClassMissing && f.Class != evidence.ClassMalformed || !token.IsZero() {
			t.Errorf("%q is %v with the error %v", content, token, err)
		}
		checkClean(t, reflect.ValueOf(f))
		return
	}
	if text := token.Reveal(); text != strings.TrimSpace(string(content)) || strings.ContainsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) {
		t.Errorf("%q is sent as %q", content, text)
	}
	c := token.Claims
	checkClean(t, reflect.ValueOf(c))
	if c.Opaque && !reflect.DeepEqual(c, evidence.Claims{Opaque: true}) {
		t.Errorf("an opaque token has claims: %+v", c)
	}
	for _, step := range (evidence.Evidence{CanaryToken: evidence.Fact[evidence.Claims]{State: evidence.Answered, Value: c}}).Steps() {
		if len(step.Detail) > 8*redact.MaxText || strings.ContainsFunc(step.Detail, isUnprintable) {
			t.Errorf("the step %s says %q", step.Name, step.Detail)
		}
	}
}
