package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// A table turns a response into the rows that HashiCorp's command prints; nil if it prints
// none. The first row is the header.
type table func(content []byte) ([][]string, error)

// secretTable lists the fields of the response's data.
func secretTable(content []byte) ([][]string, error) {
	var answer struct {
		Data map[string]any `json:"data"`
	}
	if err := decode(content, &answer); err != nil || len(answer.Data) == 0 {
		return nil, err
	}
	rows := [][]string{{"Key", "Value"}}
	for _, key := range slices.Sorted(maps.Keys(answer.Data)) {
		rows = append(rows, []string{key, fmt.Sprint(answer.Data[key])})
	}
	return rows, nil
}

// keysTable lists the keys of a LIST.
func keysTable(content []byte) ([][]string, error) {
	var answer struct {
		Data struct {
			Keys []string `json:"keys"`
		} `json:"data"`
	}
	if err := decode(content, &answer); err != nil {
		return nil, err
	}
	rows := [][]string{{"Keys"}}
	for _, key := range slices.Sorted(slices.Values(answer.Data.Keys)) {
		rows = append(rows, []string{key})
	}
	return rows, nil
}

// mountTable lists auth methods or audit devices by path, with these of their fields.
func mountTable(fields ...string) table {
	return func(content []byte) ([][]string, error) {
		var answer struct {
			Data map[string]map[string]any `json:"data"`
		}
		if err := decode(content, &answer); err != nil {
			return nil, err
		}
		header := []string{"Path"}
		for _, field := range fields {
			header = append(header, strings.ToUpper(field[:1])+field[1:])
		}
		rows := [][]string{header}
		for _, path := range slices.Sorted(maps.Keys(answer.Data)) {
			row := []string{path}
			for _, field := range fields {
				row = append(row, fmt.Sprint(answer.Data[path][field]))
			}
			rows = append(rows, row)
		}
		return rows, nil
	}
}

// statusTable lists the seal's state and, if there are several nodes, this one's part in them.
// HashiCorp's command prints more.
func statusTable(content []byte) ([][]string, error) {
	var answer struct {
		Type          string `json:"type"`
		Initialized   bool   `json:"initialized"`
		Sealed        bool   `json:"sealed"`
		Version       string `json:"version"`
		HAEnabled     bool   `json:"ha_enabled"`
		IsSelf        bool   `json:"is_self"`
		LeaderAddress string `json:"leader_address"`
	}
	err := decode(content, &answer)
	rows := [][]string{
		{"Key", "Value"},
		{"Seal Type", answer.Type},
		{"Initialized", fmt.Sprint(answer.Initialized)},
		{"Sealed", fmt.Sprint(answer.Sealed)},
		{"Version", answer.Version},
		{"HA Enabled", fmt.Sprint(answer.HAEnabled)},
	}
	switch {
	case !answer.HAEnabled || answer.Sealed:
	case answer.IsSelf:
		rows = append(rows, []string{"HA Mode", "active"})
	default:
		rows = append(rows, []string{"HA Mode", "standby"}, []string{"Active Node Address", cmp.Or(answer.LeaderAddress, "<none>")})
	}
	return rows, err
}

// print prints the rows with a line below the header. A column is as wide as its widest cell,
// and four spaces separate columns.
func (t table) print(out io.Writer, content []byte) error {
	rows, err := t(content)
	if err != nil || rows == nil {
		return err
	}
	line := make([]string, len(rows[0]))
	for column, name := range rows[0] {
		line[column] = strings.Repeat("-", len(name))
	}
	rows = slices.Insert(rows, 1, line)
	width := make([]int, len(line))
	for _, row := range rows {
		for column, cell := range row {
			if cell == "" {
				row[column] = "n/a"
			}
			width[column] = max(width[column], utf8.RuneCountInString(row[column]))
		}
	}
	for _, row := range rows {
		text := ""
		for column, cell := range row[:len(row)-1] {
			text += cell + strings.Repeat(" ", width[column]-utf8.RuneCountInString(cell)) + "    "
		}
		if _, err := fmt.Fprintln(out, text+row[len(row)-1]); err != nil {
			return err
		}
	}
	return nil
}

// decode keeps numbers as they are written.
func decode(content []byte, answer any) error {
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.UseNumber()
	if err := decoder.Decode(answer); err != nil {
		return fmt.Errorf("decoding the answer: %w", err)
	}
	return nil
}
