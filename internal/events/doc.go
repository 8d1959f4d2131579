// Package events writes Kubernetes Events (events.k8s.io/v1) about one object. To write one never
// blocks: Events wait in a short queue, in which those beyond a rate are left out. It imports
// nothing of the API's Go packages, of which it would need seven fields.
package events
