//! Connections that are reset, closed, refused or never made.

use std::io::ErrorKind;

use election_conformance::proxy::{Connections, Deed, Direction, Fault, Injection, Proxy, Trigger};
use tokio::net::TcpStream;

use crate::ends::{Client, Heard, connecting_is_reset, deeds, started, within};

#[tokio::test]
async fn a_reset_by_the_client_reaches_the_server() {
    let (mut server, proxy) = started().await;
    let mut client = Client::of(&proxy).await;
    client.asks("one").await;
    server.hears_line("one").await;
    client.0.get_ref().set_zero_linger().unwrap();
    drop(client);
    assert_eq!(
        server.hears().await,
        Heard::Failed(ErrorKind::ConnectionReset)
    );
    within(proxy.until_connections(0)).await;
}

#[tokio::test]
async fn a_client_is_reset_if_the_server_cannot_be_reached() {
    let (_server, unreachable) = started().await;
    unreachable.inject(Fault::Refuse);
    let proxy = Proxy::start(unreachable.address(), 1).await.unwrap();
    connecting_is_reset(&proxy).await;
    within(proxy.until_connections(0)).await;
}

#[tokio::test]
async fn a_reset_is_seen_at_both_ends_and_new_connections_go_on() {
    let (mut server, proxy) = started().await;
    let mut client = Client::of(&proxy).await;
    client.asks("one").await;
    server.hears_line("one").await;
    proxy.inject(Fault::Reset);
    within(proxy.until_injected()).await;
    client.is_reset().await;
    assert_eq!(
        server.hears().await,
        Heard::Failed(ErrorKind::ConnectionReset)
    );
    Client::of(&proxy).await.asks("two").await;
}

#[tokio::test]
async fn a_close_is_seen_at_both_ends_and_new_connections_go_on() {
    let (mut server, proxy) = started().await;
    let mut client = Client::of(&proxy).await;
    client.asks("one").await;
    server.hears_line("one").await;
    proxy.inject(Fault::Close);
    client.is_closed().await;
    assert_eq!(server.hears().await, Heard::Closed);
    Client::of(&proxy).await.asks("two").await;
}

#[tokio::test]
async fn new_connections_can_be_reset_while_open_ones_go_on() {
    let (_server, proxy) = started().await;
    let mut early = Client::of(&proxy).await;
    early.asks("one").await;
    proxy.inject(Fault::Reset.to(Connections::New));
    connecting_is_reset(&proxy).await;
    within(proxy.until_injected()).await;
    early.asks("two").await;
    proxy.heal();
    Client::of(&proxy).await.asks("three").await;
}

#[tokio::test]
async fn an_end_that_is_told_nothing_of_a_reset_stays_open_until_healed() {
    let (mut server, proxy) = started().await;
    let mut client = Client::of(&proxy).await;
    client.asks("one").await;
    server.hears_line("one").await;
    proxy.inject(Fault::Reset.toward(Direction::ToClient));
    client.is_reset().await;
    // Another connection comes and goes: nothing was heard of the first one before.
    let mut other = Client::of(&proxy).await;
    other.asks("other").await;
    server.hears_line("other").await;
    assert_eq!(proxy.connections()[0].number, 1);
    proxy.heal();
    assert_eq!(server.hears().await, Heard::Closed);
    within(proxy.until_connections(1)).await;
    other.asks("still here").await;
}

#[tokio::test]
async fn a_reset_toward_the_server_leaves_the_client_in_silence() {
    let (mut server, proxy) = started().await;
    let mut client = Client::of(&proxy).await;
    client.asks("one").await;
    server.hears_line("one").await;
    proxy.inject(Fault::Reset.toward(Direction::ToServer));
    assert_eq!(
        server.hears().await,
        Heard::Failed(ErrorKind::ConnectionReset)
    );
    client.says("into the void\n").await;
    let swallowed = |log: &[Injection]| log.iter().any(|one| one.deed == Deed::Swallowed);
    within(proxy.until(swallowed)).await;
    assert_eq!(deeds(&proxy), [Deed::Reset, Deed::Swallowed]);
    proxy.heal();
    client.is_closed().await;
}

#[tokio::test]
async fn new_connections_are_refused_while_open_ones_go_on() {
    let (_server, proxy) = started().await;
    let mut early = Client::of(&proxy).await;
    early.asks("one").await;
    for _ in 0..3 {
        proxy.inject(Fault::Refuse);
        within(proxy.until_injected()).await;
        let refused = within(TcpStream::connect(proxy.address())).await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::ConnectionRefused);
        early.asks("two").await;
        proxy.heal();
        Client::of(&proxy).await.asks("three").await;
    }
    assert_eq!(deeds(&proxy), [Deed::Refusing, Deed::Accepting].repeat(3));
}

#[tokio::test]
async fn a_request_can_shut_the_door() {
    let (_server, proxy) = started().await;
    proxy.inject(Fault::Refuse.on(Trigger::containing("shut")));
    let mut client = Client::of(&proxy).await;
    client.asks("leave it open").await;
    Client::of(&proxy).await.asks("let me in").await;
    client.asks("shut it").await;
    let refused = within(TcpStream::connect(proxy.address())).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::ConnectionRefused);
}
