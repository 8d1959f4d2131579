// Package statefile keeps in a file what an exporter knows and the next one cannot find out: since
// when a reason holds, incidents, and when workloads' logins were rehearsed. It holds no evidence,
// no text of a server and no advice.
//
// The file is a line with the format, its version and a checksum, and a line of JSON. It is written
// to another file in the same directory, which is then renamed: a process that is killed leaves the
// old file or the new one.
package statefile
