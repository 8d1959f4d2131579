// Package leader has one of several processes do the work, by a Lease of
// Kubernetes. election.go is the protocol, that of client-go's leader election;
// candidate.go is what the process does by it.
//
// The difference from client-go is in a leader that cannot renew its lease. There it
// stops, since two leaders would do harm. Here it goes on: two that probe cost a
// second login a minute, while with none an outage of the API server would go
// unreported. A leader ends only where it has seen, in the Lease, that another holds
// it. So two work at once only while one of them cannot read the Lease, and until
// its next attempt after that.
package leader
