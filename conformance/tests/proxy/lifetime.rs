//! From the start of a proxy to its end, and what can be known of it between.

use std::io::ErrorKind;

use election_conformance::proxy::{Connections, Deed, Direction, Fault, Proxy, Then, Trigger};
use tokio::{net::TcpStream, runtime::Handle, task::yield_now};

use crate::ends::{Client, Heard, LineServer, deeds, started, within};

#[tokio::test]
async fn a_server_is_found_by_its_name() {
    let server = LineServer::start().await;
    let name = format!("localhost:{}", server.address.port());
    let proxy = Proxy::start(name, 1).await.unwrap();
    Client::of(&proxy).await.asks("one").await;
}

#[tokio::test]
async fn a_proxy_listens_where_it_is_told_to_or_says_that_it_cannot() {
    let server = LineServer::start().await;
    let any_port = "127.0.0.1:0".parse().unwrap();
    let proxy = Proxy::start_at(any_port, server.address, 1).await.unwrap();
    Client::of(&proxy).await.asks("one").await;
    let taken = Proxy::start_at(proxy.address(), server.address, 1).await;
    assert_eq!(taken.unwrap_err().kind(), ErrorKind::AddrInUse);
}

#[tokio::test]
async fn injections_are_waited_for_from_before_they_happen() {
    let (_server, proxy) = started().await;
    within(proxy.until_injected()).await; // of nothing
    proxy.inject(Fault::Capture.on(Trigger::Nth(2)));
    let mut client = Client::of(&proxy).await;
    let ((), ()) = tokio::join!(within(proxy.until_injected()), async {
        client.asks("one").await;
        assert_eq!(deeds(&proxy), []);
        client.asks("two").await;
    });
    assert_eq!(deeds(&proxy), [Deed::Captured]);
}

#[tokio::test]
async fn the_log_reads_as_lines() {
    let (_server, proxy) = started().await;
    proxy.inject(Fault::DropReply(Then::Reset).on(Trigger::Nth(1)));
    let mut client = Client::of(&proxy).await;
    client.says("one\n").await;
    client.is_reset().await;
    let lines: Vec<_> = proxy
        .injections()
        .iter()
        .map(|injection| injection.to_string())
        .map(|line| line.split_once(' ').unwrap().1.to_owned())
        .collect();
    assert_eq!(
        lines,
        [
            "connection 1, server to client: swallowed, 7 bytes",
            "connection 1, server to client: reset, 0 bytes",
        ]
    );
}

#[tokio::test]
async fn a_dropped_proxy_leaves_no_task_and_no_socket() {
    let mut server = LineServer::start().await;
    let tasks = || Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    let proxy = Proxy::start(server.address, 1).await.unwrap();
    let address = proxy.address();
    let mut clients = Vec::new();
    for _ in 0..3 {
        let mut client = Client::of(&proxy).await;
        client.asks("one").await;
        server.hears_line("one").await;
        clients.push(client);
    }
    proxy.inject(Fault::Blackhole.to(Connections::Number(2)));
    proxy.inject(
        Fault::Reset
            .toward(Direction::ToClient)
            .to(Connections::Number(3)),
    );
    drop(proxy);
    let refused = within(TcpStream::connect(address)).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    for client in &mut clients {
        assert!(!matches!(client.hears().await, Ok(Some(_))));
        assert!(!matches!(server.hears().await, Heard::Line(_)));
    }
    within(async {
        while tasks() > before {
            yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_closed_proxy_has_left_no_task() {
    let server = LineServer::start().await;
    let mut clients = Vec::new();
    let tasks = || Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    let proxy = Proxy::start("127.0.0.1:9", 1).await.unwrap();
    within(proxy.close()).await;
    assert_eq!(tasks(), before);
    let proxy = Proxy::start(server.address, 1).await.unwrap();
    for _ in 0..3 {
        clients.push(Client::of(&proxy).await);
    }
    within(proxy.until_connections(3)).await;
    within(proxy.close()).await;
    for client in &mut clients {
        client.is_closed().await;
    }
}
