package events

import (
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"
)

// Object is what Events are about. Its namespace is theirs.
type Object struct {
	APIVersion, Kind, Namespace, Name string
	// UID may be empty. kubectl describe shows only Events with the object's UID, kubectl events
	// shows all of them.
	UID string
}

// Event is something that happened to the object.
type Event struct {
	// Key is the same for repetitions, which make one Event with a series: letters, digits and
	// hyphens.
	Key string
	// Warning is whether its type is Warning, not Normal.
	Warning bool
	// Reason is a word in CamelCase.
	Reason string
	// Note is for people. It is cut to the 1 kB that the API server accepts.
	Note string
}

const (
	// group is the path of the API.
	group = "/apis/events.k8s.io/v1/namespaces/"
	// controller and action are the same for all Events. The API requires both.
	controller = "vault-k8s-auth-exporter"
	action     = "Login"

	maxNote = 1024 // in bytes, as the API server counts
	maxName = 253
	maxWord = 128
)

// manifest is an Event of the API, as far as it is written.
type manifest struct {
	APIVersion          string    `json:"apiVersion"`
	Kind                string    `json:"kind"`
	Metadata            metadata  `json:"metadata"`
	EventTime           string    `json:"eventTime"`
	ReportingController string    `json:"reportingController"`
	ReportingInstance   string    `json:"reportingInstance"`
	Action              string    `json:"action"`
	Reason              string    `json:"reason"`
	Regarding           reference `json:"regarding"`
	Note                string    `json:"note"`
	Type                string    `json:"type"`
}

type metadata struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
}

type reference struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Namespace  string `json:"namespace"`
	Name       string `json:"name"`
	UID        string `json:"uid,omitempty"`
}

// series says how often an Event has happened, and when last. A change of it is the only one that
// the API server accepts.
type series struct {
	Count            int    `json:"count"`
	LastObservedTime string `json:"lastObservedTime"`
}

// microTime is the format of the API's MicroTime.
const microTime = "2006-01-02T15:04:05.000000Z07:00"

// nameOf returns the name of an Event, which tells its object and what is the same for repetitions.
func nameOf(o Object, key string) string {
	return o.Name[:min(len(o.Name), maxName-len(key)-1)] + "." + key
}

func created(o Object, instance string, e Event, at time.Time) ([]byte, error) {
	kind := "Normal"
	if e.Warning {
		kind = "Warning"
	}
	return json.Marshal(manifest{
		APIVersion: "events.k8s.io/v1", Kind: "Event", Metadata: metadata{nameOf(o, e.Key), o.Namespace},
		EventTime: at.UTC().Format(microTime), ReportingController: controller, ReportingInstance: cut(instance, maxWord),
		Action: action, Reason: cut(e.Reason, maxWord), Regarding: reference(o), Note: cut(e.Note, maxNote), Type: kind,
	})
}

func repeated(count int, at time.Time) ([]byte, error) {
	return json.Marshal(map[string]series{"series": {count, at.UTC().Format(microTime)}})
}

// cut shortens a text to so many bytes, without a part of a character at its end.
func cut(text string, limit int) string {
	text = strings.ToValidUTF8(text, "�")
	if len(text) <= limit {
		return text
	}
	const mark = "…"
	end := limit - len(mark)
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + mark
}
