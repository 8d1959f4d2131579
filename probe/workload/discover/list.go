package discover

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

// Bounds of a list.
const (
	pageSize   = 200
	maxObjects = 200_000 // the limit of Kubernetes is 150 000 pods
	maxPages   = 2_000   // of 200 objects or, where they are large, fewer
)

// listPages calls each for every object of a list, page by page. Where a page is too large it
// is asked for in smaller parts. An object whose fields have other types than documented is
// malformed, and has a name at most.
func listPages[T any](ctx context.Context, s *server, path string, limit int, each func(item T, malformed bool)) error {
	size, from, expired, seen := pageSize, "", 0, 0
	for range maxPages {
		items, next, err := onePage[T](ctx, s, path, size, from)
		if proposed, ok := errors.AsType[answerError](err); ok && proposed.status == http.StatusGone && proposed.next != "" && expired < maxRestarts {
			from = proposed.next // goes on after the last object that was read
			expired++
			continue
		}
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			if size == 1 {
				return answerError{text: "an object is too large"}
			}
			size = max(1, size/4)
			continue
		}
		if err != nil {
			return err
		}
		if seen += len(items); seen > limit {
			return answerError{text: fmt.Sprintf("there are more than %d objects", maxObjects)}
		}
		for _, item := range items {
			each(item.value, item.malformed)
		}
		if next == "" {
			return nil
		}
		from = next
	}
	return answerError{text: fmt.Sprintf("the list has more than %d pages", maxPages)}
}

type decoded[T any] struct {
	value     T
	malformed bool
}

// onePage returns the objects of a page, and the token of the next. It decodes one object at a
// time, so that a page is never in memory as a whole.
func onePage[T any](ctx context.Context, s *server, path string, size int, from string) (items []decoded[T], next string, err error) {
	ctx, cancel := context.WithTimeout(ctx, pageTimeout)
	defer cancel()
	query := url.Values{"limit": {fmt.Sprint(size)}}
	if from != "" {
		query.Set("continue", from)
	}
	response, err := s.get(ctx, path, query)
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	d := json.NewDecoder(response.Body)
	var isList bool
	err = eachField(d, func(name string) error {
		switch name {
		case "metadata":
			var metadata struct{ Continue string }
			err := d.Decode(&metadata)
			next = metadata.Continue
			return err
		case "items":
			isList = true
			return eachItem(d, func(item T, malformed bool) { items = append(items, decoded[T]{item, malformed}) })
		}
		var ignored json.RawMessage
		return d.Decode(&ignored)
	})
	switch {
	case err == nil && !isList:
		return nil, "", notKubernetes
	case isContent(err):
		return nil, "", notKubernetes
	}
	return items, next, err
}

// eachField calls read for each field of the next value, which is an object. Read decodes the
// field's value.
func eachField(d *json.Decoder, read func(name string) error) error {
	if err := expect(d, '{'); err != nil {
		return err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		if err := read(fmt.Sprint(name)); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return err
}

// eachItem calls add for each element of the next value, which is an array or null.
func eachItem[T any](d *json.Decoder, add func(item T, malformed bool)) error {
	opening, err := d.Token()
	if err != nil || opening == nil {
		return err
	}
	if opening != json.Delim('[') {
		return notKubernetes
	}
	for d.More() {
		var item T
		err := d.Decode(&item)
		_, malformed := errors.AsType[*json.UnmarshalTypeError](err)
		if err != nil && !malformed {
			return err
		}
		add(item, malformed)
	}
	_, err = d.Token()
	return err
}

func expect(d *json.Decoder, delimiter json.Delim) error {
	token, err := d.Token()
	if err == nil && token != delimiter {
		return notKubernetes
	}
	return err
}

// isContent reports whether an error is about what a server sent, and not about receiving it.
func isContent(err error) bool {
	_, syntax := errors.AsType[*json.SyntaxError](err)
	_, kind := errors.AsType[*json.UnmarshalTypeError](err)
	return syntax || kind
}
