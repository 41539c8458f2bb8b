/** Who listens to what. Frames are made once per room, and only when somebody is in it. */
import { eventFrame } from './protocol.ts'

export interface Member {
  send(frame: string): void
}

export class Rooms {
  private readonly members = new Map<string, Set<Member>>()

  /** Whether anybody is in the room: if not, an event for it need not even be made. */
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

  /** Sends an event to everybody in the room. */
  emit(room: string, event: string, payload: object): void {
    const there = this.members.get(room)
    if (!there) return
    const frame = eventFrame(event, JSON.stringify(payload))
    for (const member of there) member.send(frame)
  }
}
