"""Stand-in for abacosamples/wc: counts the words of its message and returns them as a result."""
import json
from collections import Counter

from agavepy.actors import get_client, get_context, send_bytes_result

context = get_context()
message = context.message_dict
text = message.get('text') if isinstance(message, dict) and message.get('text') else context.raw_message
counts = dict(Counter(text.split()))
print('word counts:', counts)
send_bytes_result(json.dumps(counts).encode())
reducer = message.get('reducer') if isinstance(message, dict) else None
if reducer:
    get_client().actors.sendMessage(actorId=reducer, body={'message': counts})
