"""Routes for clients of models: chat, the Responses and Messages APIs, embeddings."""
