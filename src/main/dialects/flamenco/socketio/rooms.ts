/** Keeps the clients of each room. A frame is built once per room, and only when the room has clients. */
import { eventFrame } from './protocol.ts'

export interface Member {
  send(frame: string): void
}

export class Rooms {
  private readonly members = new Map<string, Set<Member>>()

  /** Whether the room has clients: if not, its events need not be built. */
  isOccupied(room: string): boolean {
    return this.members.has(room)
  }

  join(member: Member, room: string): void {
    const there = this.members.get(room)
    if (there) there.add(member)
    else this.members.set(room, new Set([member]))
  }

  leave(member: Member, room: string): void {
    const there = this.members.get(room)
    if (there?.delete(member) && there.size === 0) this.members.delete(room)
  }

  leaveAll(member: Member): void {
    for (const room of [...this.members.keys()]) this.leave(member, room)
  }

  /** Sends an event to all clients of the room. */
  emit(room: string, event: string, payload: object): void {
    const there = this.members.get(room)
    if (!there) return
    const frame = eventFrame(event, JSON.stringify(payload))
    for (const member of there) member.send(frame)
  }
}
