"""The server: the video API of OpenAI's clients, durable jobs, and the files that its workers release.

A web process answers requests and never loads a model; worker processes take jobs from one queue in a database and hand
them to the studio. Everything that both know about a job is in that database and in the job's folder.
"""
