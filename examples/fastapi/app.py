"""A FastAPI application: any HTTP server works."""

from fastapi import FastAPI

app = FastAPI()


@app.get("/")
def greet(name: str = "world") -> dict[str, str]:
    return {"hello": name}
