import ArgumentParser
import Glibc

/// Asks before something that can't be undone: a person at a terminal, never a script.
struct ConfirmationOptions: ParsableArguments {
    @Flag(help: "Don't ask, also at a terminal.")
    var yes = false

    /// - Parameter question: without its question mark.
    /// - Throws: the exit status if the answer is no.
    func confirm(_ question: String) throws {
        guard !yes, Console.isTerminal(STDIN_FILENO) else { return }
        Console.write(Array("\(PrintableText.of(question))? [y/N] ".utf8), to: STDERR_FILENO)
        let answer = readLine()?.lowercased() ?? ""
        guard answer == "y" || answer == "yes" else {
            Console.note("Nothing was done.")
            throw ExitStatus.failed
        }
    }
}
